import ArgumentParser
import Handover
import KernelABI
import SystemPackage

/// The result of checking an input.
struct CheckReport {
    /// The path of the input; `nil` if there is none.
    var path: FilePath?
    /// The subject of the check; `nil` for two kernels without an input.
    var subject: CheckSubject?
    /// `nil` if the input cannot be read.
    var check: HandoverCheck?
    /// The reason why the input cannot be read.
    var failure: String?

    var name: String {
        let path = path?.string ?? "handover"
        return subject?.part.map { "\(path)/\($0)" } ?? path
    }

    var outcome: CheckOutcome {
        guard let check else { return .unreadable }
        let outcome = check.verdict.outcome
        let hasErrors = outcome < .errors && check.results.contains { $0.severity == .error }
        return hasErrors ? .errors : outcome
    }
}

extension Verdict {
    /// The command outcome for this verdict.
    var outcome: CheckOutcome {
        switch self {
        case .accepted: .accepted
        case .unknown: .unknown
        case .partly: .partly
        case .openFails: .openFails
        case .unchecked: .unchecked
        case .panic: .panic
        case .ignored: .ignored
        }
    }
}

/// The outcome of `check`, from best to worst.
enum CheckOutcome: Int, Comparable, CaseIterable {
    case accepted, unknown, errors, unreadable, partly, openFails, unchecked, panic, ignored

    /// The exit status.
    var status: Int32 {
        switch self {
        case .accepted: 0
        case .errors: 1
        case .unreadable: 2
        case .partly: 3
        case .openFails: 4
        case .unchecked: 5
        case .panic: 6
        case .ignored: 7
        case .unknown: 8
        }
    }

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    static let discussion = """
        EXIT STATUS
          0   accepted
          8   unknown: what the input shows is accepted, but it does not show everything
          1   accepted or unknown, but there are errors
          2   an input is not a handover or cannot be read
          3   partly
          4   open-fails
          5   unchecked
          6   panic
          7   ignored
          64  wrong usage
        For several inputs, the one that is lowest in this list.
        """
}

extension HandoverCheck.Result {
    /// The known defect that explains the finding, and its consequence if the rule does not state it.
    private var explanation: String {
        guard let defect else { return "" }
        let outcome = defect.name == rule.name ? "" : ", so that \(defect.consequence)"
        return "known defect \(defect.name) (\(defect.releases)): \(defect.symptom)\(outcome); "
    }

    /// What the kernel does, where, and the visible symptom.
    func consequence(in generation: Generation) -> String {
        explanation + rule.consequence + (rule.errno.map { " (\($0.rawValue))" } ?? "")
            + (rule.function(of: generation).map { ": \($0)()" } ?? "")
            + (rule.symptom.map { "; symptom: \($0)" } ?? "")
    }

    /// The finding, and the number of similar ones.
    var text: String { group.description(ofOthers: "like it") }
}

/// Output formats for findings.
enum CheckFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
    /// One line per input.
    case jsonl
    case sarif
    case github
    /// One test per input in the format of the kernel's selftests: KTAP.
    case tap
    /// One test case per input, in JUnit's format.
    case junit

    func write(_ reports: [CheckReport], to output: OutputStream) {
        switch self {
        case .text: Self.writeText(reports, to: output)
        case .json: CheckJSON.write(reports, to: output)
        case .jsonl: CheckJSON.writeLines(reports, to: output)
        case .sarif: CheckSARIF.write(reports, to: output)
        case .github: Self.writeGitHub(reports, to: output)
        case .tap: output.write(Self.tests(of: reports).ktap)
        case .junit: output.write(Self.tests(of: reports).junit)
        }
    }

    /// A table of the rules.
    static func table(of rules: [CheckRule]) -> String {
        let width = rules.map(\.name.count).max() ?? 0
        return rules.map { rule in
            rule.name.padded(to: width + 2) + rule.severity.rawValue.padded(to: 9)
                + rule.verdict.rawValue.padded(to: 12) + rule.summary + ": " + rule.consequence
                + (rule.function(of: .latest).map { " (\($0))" } ?? "") + "\n"
        }.joined()
    }

    private static func writeText(_ reports: [CheckReport], to output: OutputStream) {
        for report in reports {
            // Inputs that cannot be read are reported on standard error.
            guard let check = report.check else { continue }
            let generation = check.generation
            output.write("\(report.name): kernel \(generation.releaseText): \(check.verdict.rawValue)\n")
            let results = check.results
            for (index, result) in results.enumerated() {
                output.write("\(result.severity.rawValue) [\(result.rule.name)] \(result.text)\n")
                // Consecutive notes with the same meaning are followed by it once.
                let next = result.severity == .note && index + 1 < results.count ? results[index + 1] : nil
                if let next, next.rule.name == result.rule.name { continue }
                output.write("    \(result.verdict.rawValue): \(result.consequence(in: generation))\n")
            }
        }
    }

    /// An input passes if the kernel accepts all of it, and is skipped if it does not show enough to tell.
    private static func tests(of reports: [CheckReport]) -> TestReport {
        let cases = reports.map { report in
            guard let check = report.check else {
                return TestReport.Case(name: report.name, outcome: .broken, remarks: [report.failure ?? ""])
            }
            let generation = check.generation
            let outcome: TestReport.Case.Outcome =
                switch report.outcome {
                case .accepted: .passed
                case .unknown: .skipped
                default: .failed
                }
            return TestReport.Case(
                name: report.name, outcome: outcome,
                remarks: ["kernel \(generation.releaseText): \(check.verdict.rawValue)"]
                    + check.results.map {
                        "\($0.severity.rawValue) [\($0.rule.name)] \($0.text): \($0.consequence(in: generation))"
                    })
        }
        return TestReport(suite: "luo-fdt check", cases: cases)
    }

    /// Writes workflow commands, which GitHub's runners read from the output of a step.
    private static func writeGitHub(_ reports: [CheckReport], to output: OutputStream) {
        for report in reports {
            let file = report.path.map { "file=\(property($0.string))," } ?? ""
            guard let check = report.check else {
                output.write("::error \(file)title=unreadable::\(data(report.failure ?? ""))\n")
                continue
            }
            for result in check.results {
                let command = result.severity == .note ? "notice" : result.severity.rawValue
                let consequence = result.consequence(in: check.generation)
                let message = "\(result.verdict.rawValue): \(result.text); \(consequence)"
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
