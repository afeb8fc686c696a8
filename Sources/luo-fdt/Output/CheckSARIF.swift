import Handover
import KernelABI

/// Reports as SARIF 2.1.0: one run, the rules that were hit, and their results.
enum CheckSARIF {
    static func write(_ reports: [CheckReport], to output: OutputStream) {
        let failures = reports.compactMap(\.failure)
        let results = reports.flatMap { report in
            report.check.map { check in check.results.map { (report, check, $0) } } ?? []
        }
        let hit = Set(results.map(\.2.rule.name))
        let rules = CheckRule.all(with: reports.first?.subject?.kinds ?? .standard).filter { hit.contains($0.name) }
        var writer = DocumentWriter { output.write($0) }
        writer.object { writer in
            writer.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
            writer.member("version", "2.1.0")
            writer.list("runs") { writer in
                writer.element()
                writer.object { writer in
                    writer.tool(rules)
                    writer.list("invocations") { writer in
                        writer.element()
                        writer.object { $0.invocation(failures) }
                    }
                    writer.list("results") { writer in
                        for (report, check, result) in results {
                            writer.element()
                            writer.object { $0.result(result, of: check.generation, in: report) }
                        }
                    }
                }
            }
        }
        writer.finish()
    }

    /// A path as the path of a URI: RFC 3986's unreserved characters and slashes stay, all other bytes are encoded.
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
        self.key(key)
        object(compact: true) { $0.member("text", value) }
    }

    fileprivate mutating func tool(_ rules: [CheckRule]) {
        key("tool")
        object { writer in
            writer.key("driver")
            writer.object { writer in
                writer.member("name", "luo-fdt")
                writer.member("version", LuoFDT.configuration.version)
                writer.list("rules") { writer in
                    for rule in rules {
                        writer.element()
                        writer.object { writer in
                            writer.member("id", rule.name)
                            writer.text("shortDescription", rule.summary)
                            writer.text("fullDescription", rule.consequence)
                        }
                    }
                }
            }
        }
    }

    fileprivate mutating func invocation(_ failures: [String]) {
        key("executionSuccessful")
        boolean(failures.isEmpty)
        guard !failures.isEmpty else { return }
        list("toolExecutionNotifications") { writer in
            for failure in failures {
                writer.element()
                writer.object { writer in
                    writer.member("level", "error")
                    writer.text("message", failure)
                }
            }
        }
    }

    fileprivate mutating func result(
        _ result: HandoverCheck.Result, of generation: Generation, in report: CheckReport
    ) {
        member("ruleId", result.rule.name)
        member("level", result.severity.rawValue)
        let consequence = result.consequence(in: generation)
        text("message", "\(result.verdict.rawValue): \(result.text); \(consequence)")
        list("locations") { writer in
            writer.element()
            writer.object { writer in
                if let path = report.path {
                    writer.key("physicalLocation")
                    writer.object { writer in
                        writer.key("artifactLocation")
                        writer.object(compact: true) { $0.member("uri", CheckSARIF.uri(path.string)) }
                        if let address = result.finding.place.address, address.rawValue <= UInt64(Int64.max) {
                            writer.key("address")
                            writer.object(compact: true) { $0.member("absoluteAddress", address.rawValue) }
                        }
                    }
                }
                writer.list("logicalLocations") { writer in
                    writer.element()
                    writer.object(compact: true) { $0.member("fullyQualifiedName", result.finding.place.name) }
                }
            }
        }
    }
}
