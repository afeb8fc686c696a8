import Handover
import KernelABI

/// Reports as SARIF 2.1.0: one run, the rules that have findings, and the results.
enum CheckSARIF {
    static func write(_ reports: [CheckReport], to output: OutputStream) {
        let failures = reports.compactMap(\.failure)
        let results = reports.flatMap { report in
            report.check.map { check in check.results.map { (report, check, $0) } } ?? []
        }
        let hit = Set(results.map(\.2.rule.name))
        let rules = CheckRule.all(with: reports.first?.subject?.kinds ?? .standard).filter { hit.contains($0.name) }
        output.writeJSON { writer in
            writer.object { writer in
                writer.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
                writer.member("version", "2.1.0")
                writer.member("runs", objects: [results]) { writer, results in
                    writer.tool(rules)
                    writer.member("invocations", objects: [failures]) { $0.invocation($1) }
                    writer.member("results", objects: results) { writer, result in
                        writer.result(result.2, of: result.1.generation, in: result.0)
                    }
                }
            }
        }
    }

    /// A path as a URI path: RFC 3986's unreserved characters and slashes are kept, all other bytes are
    /// percent-encoded.
    static func uri(_ path: String) -> String {
        path.utf8.reduce(into: "") { result, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"):
                result.append(Character(UnicodeScalar(byte)))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
    }
}

extension DocumentWriter {
    private mutating func text(_ key: String, _ value: String) {
        member(key, compact: true) { $0.member("text", value) }
    }

    fileprivate mutating func tool(_ rules: [CheckRule]) {
        member("tool") { writer in
            writer.member("driver") { writer in
                writer.member("name", "luo-fdt")
                writer.member("version", LuoFDT.configuration.version)
                writer.member("rules", objects: rules) { writer, rule in
                    writer.member("id", rule.name)
                    writer.text("shortDescription", rule.summary)
                    writer.text("fullDescription", rule.consequence)
                }
            }
        }
    }

    fileprivate mutating func invocation(_ failures: [String]) {
        member("executionSuccessful", failures.isEmpty)
        guard !failures.isEmpty else { return }
        member("toolExecutionNotifications", objects: failures) { writer, failure in
            writer.member("level", "error")
            writer.text("message", failure)
        }
    }

    fileprivate mutating func result(
        _ result: HandoverCheck.Result, of generation: Generation, in report: CheckReport
    ) {
        member("ruleId", result.rule.name)
        member("level", result.severity.rawValue)
        let consequence = result.consequence(in: generation)
        text("message", "\(result.verdict.rawValue): \(result.text); \(consequence)")
        member("locations", objects: [result.finding.place]) { writer, place in
            if let path = report.path {
                writer.member("physicalLocation") { writer in
                    writer.member("artifactLocation", compact: true) {
                        $0.member("uri", CheckSARIF.uri(path.string))
                    }
                    if let address = place.address, address.rawValue <= UInt64(Int64.max) {
                        writer.member("address", compact: true) { $0.member("absoluteAddress", address.rawValue) }
                    }
                }
            }
            writer.member("logicalLocations", objects: [place.name], compact: true) {
                $0.member("fullyQualifiedName", $1)
            }
        }
    }
}
