import ArgumentParser
import Handover
import SystemPackage

/// What a check has found, and where.
struct CheckReport {
    /// The input; `nil` where there is none.
    let path: FilePath?
    let check: HandoverCheck

    var name: String { path?.string ?? "handover" }

    var exitStatus: Int32 {
        check.verdict == .accepted && check.results.contains { $0.severity == .error } ? 1 : check.verdict.exitStatus
    }
}

extension HandoverCheck.Result {
    /// The known defect that is behind it, and what it comes to if the rule does not say so.
    private var explanation: String {
        guard let defect else { return "" }
        let outcome = defect.name == rule.name ? "" : ", \(defect.consequence)"
        return "known defect \(defect.name) (\(defect.releases)): \(defect.symptom)\(outcome); "
    }

    /// What the kernel does, and where.
    var consequence: String {
        explanation + rule.consequence + (errno.map { " (\($0.rawValue))" } ?? "") + (rule.function.map { ": \($0)()" } ?? "")
    }
}

/// The forms in which findings are shown.
enum CheckFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    case sarif
    case github

    func write(_ reports: [CheckReport], to output: OutputStream) {
        switch self {
        case .text: Self.writeText(reports, to: output)
        case .json: Self.writeJSON(reports, to: output)
        case .sarif: Self.writeSARIF(reports, to: output)
        case .github: Self.writeGitHub(reports, to: output)
        }
    }

    /// The table of rules.
    static var table: String {
        let width = CheckRule.all.map(\.name.count).max() ?? 0
        return CheckRule.all.map { rule in
            rule.name.padded(to: width + 2) + rule.severity.rawValue.padded(to: 9)
                + rule.verdict.rawValue.padded(to: 12) + rule.summary + ": " + rule.consequence
                + (rule.function.map { " (\($0))" } ?? "") + "\n"
        }.joined()
    }

    private static func writeText(_ reports: [CheckReport], to output: OutputStream) {
        for report in reports {
            output.write("\(report.name): kernel \(report.check.generation.releaseText): \(report.check.verdict.rawValue)\n")
            for result in report.check.results {
                output.write("\(result.severity.rawValue) [\(result.rule.name)] \(result.finding)\n")
                output.write("    \(result.verdict.rawValue): \(result.consequence)\n")
            }
        }
    }

    private static func writeJSON(_ reports: [CheckReport], to output: OutputStream) {
        var writer = DocumentWriter { output.write($0) }
        writer.array { writer in
            for report in reports {
                writer.element()
                writer.object { writer in
                    if let path = report.path { writer.member("input", path.string) }
                    writer.member("kernel", report.check.generation.name)
                    writer.member("verdict", report.check.verdict.rawValue)
                    writer.key("findings")
                    writer.array { writer in
                        for result in report.check.results {
                            writer.element()
                            writer.object { $0.finding(result) }
                        }
                    }
                }
            }
        }
        writer.finish()
    }

    /// SARIF 2.1.0: one run, the rules that were hit, and their results.
    private static func writeSARIF(_ reports: [CheckReport], to output: OutputStream) {
        let hit = Set(reports.flatMap { $0.check.results.map(\.rule.name) })
        var writer = DocumentWriter { output.write($0) }
        writer.object { writer in
            writer.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
            writer.member("version", "2.1.0")
            writer.list("runs") { writer in
                writer.element()
                writer.object { writer in
                    writer.key("tool")
                    writer.object { writer in
                        writer.key("driver")
                        writer.object { writer in
                            writer.member("name", "luo-fdt")
                            writer.list("rules") { writer in
                                for rule in CheckRule.all where hit.contains(rule.name) {
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
                    writer.list("results") { writer in
                        for report in reports {
                            for result in report.check.results {
                                writer.element()
                                writer.object { $0.sarif(result, in: report) }
                            }
                        }
                    }
                }
            }
        }
        writer.finish()
    }

    /// The commands that GitHub's runners read from the output of a step.
    private static func writeGitHub(_ reports: [CheckReport], to output: OutputStream) {
        for report in reports {
            for result in report.check.results {
                let command = result.severity == .note ? "notice" : result.severity.rawValue
                let file = report.path.map { "file=\(property($0.string))," } ?? ""
                let message = "\(result.verdict.rawValue): \(result.finding); \(result.consequence)"
                output.write("::\(command) \(file)title=\(property(result.rule.name))::\(data(message))\n")
            }
        }
    }

    private static func data(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "%": result += "%25"
            case "\r": result += "%0D"
            case "\n", "\r\n": result += "%0A"
            default: result.append(character)
            }
        }
    }

    private static func property(_ text: String) -> String {
        data(text).reduce(into: "") { result, character in
            switch character {
            case ":": result += "%3A"
            case ",": result += "%2C"
            default: result.append(character)
            }
        }
    }
}

extension DocumentWriter {
    fileprivate mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    fileprivate mutating func text(_ key: String, _ value: String) {
        self.key(key)
        object(compact: true) { $0.member("text", value) }
    }

    fileprivate mutating func list(_ key: String, _ body: (inout DocumentWriter) -> Void) {
        self.key(key)
        array { body(&$0) }
    }

    fileprivate mutating func finding(_ result: HandoverCheck.Result) {
        let finding = result.finding
        member("rule", result.rule.name)
        member("severity", result.severity.rawValue)
        member("verdict", result.verdict.rawValue)
        member("cause", finding.cause.rawValue)
        member("owner", finding.owner.description)
        member("structure", finding.place.structure)
        if let field = finding.place.field { member("field", field) }
        if let address = finding.place.address { member("address", address.description) }
        member("found", finding.found)
        member("expected", finding.expected)
        member("consequence", result.rule.consequence)
        if let function = result.rule.function { member("function", function) }
        if let errno = result.errno { member("errno", errno.rawValue) }
        if let defect = result.defect { member("defect", defect.name) }
    }

    fileprivate mutating func sarif(_ result: HandoverCheck.Result, in report: CheckReport) {
        member("ruleId", result.rule.name)
        member("level", result.severity.rawValue)
        text("message", "\(result.verdict.rawValue): \(result.finding); \(result.consequence)")
        list("locations") { writer in
            writer.element()
            writer.object { writer in
                if let path = report.path {
                    writer.key("physicalLocation")
                    writer.object { writer in
                        writer.key("artifactLocation")
                        writer.object(compact: true) { $0.member("uri", path.string) }
                    }
                }
                writer.list("logicalLocations") { writer in
                    writer.element()
                    writer.object(compact: true) { writer in
                        writer.member("fullyQualifiedName", result.finding.place.name)
                    }
                }
            }
        }
    }
}
