import ArgumentParser
import FoundationEssentials
import LiveUpdate

/// How what happens in scenarios is shown.
enum ScenarioFormat: String, ExpressibleByArgument, CaseIterable {
    /// As stories.
    case tree
    /// As one JSON document.
    case json
    /// One line each, as the kernel's selftests print: KTAP.
    case tap
    /// One test case each, as JUnit writes.
    case junit
    /// As the player prints that plays them on a real kernel.
    case kernel

    /// Shows `reports`, whose names are those of their files.
    func show(_ reports: [NamedReport], isQuiet: Bool, on output: OutputStream) {
        let shown = isQuiet ? reports.filter { !$0.report.hasPassed } : reports
        switch self {
        case .tree:
            if isQuiet {
                for named in shown { output.write("\(named.name): NOT as expected: \(named.problems.first ?? "")\n") }
            } else {
                output.write(shown.map(\.report.description).joined(separator: "\n"))
            }
            if reports.count > 1 { output.write((shown.isEmpty || isQuiet ? "" : "\n") + summary(of: reports) + "\n") }
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            do {
                let list = shown.map(\.report)
                output.write(
                    Array(try reports.count == 1 ? list.first.map(encoder.encode) ?? Data() : encoder.encode(list)))
                output.write("\n")
            } catch {
                Diagnostics.report("\(error)")
            }
        case .tap: output.write(tests(of: reports).ktap)
        case .junit: output.write(tests(of: reports).junit)
        case .kernel:
            for named in shown {
                if reports.count > 1 { output.write("scenario \(named.name)\n") }
                for line in named.report.kernelTrace { output.write(line + "\n") }
            }
        }
    }

    private func tests(of reports: [NamedReport]) -> TestReport {
        TestReport(
            suite: "luo-fdt simulate",
            cases: reports.map {
                TestReport.Case(name: $0.name, outcome: $0.report.hasPassed ? .passed : .failed, remarks: $0.problems)
            })
    }

    private func summary(of reports: [NamedReport]) -> String {
        let failed = reports.filter { !$0.report.hasPassed }.map(\.name)
        let steps = reports.reduce(0) { $0 + $1.report.stepCount }
        let head = "\(reports.count) scenarios, \(steps) steps: "
        return head
            + (failed.isEmpty
                ? "all as expected" : "\(failed.count) not as expected: \(failed.joined(separator: ", "))")
    }
}

/// What happened in a scenario, and the name of its file.
struct NamedReport {
    let name: String
    let report: ScenarioReport

    /// What was not as expected, with the step.
    var problems: [String] {
        report.entries.flatMap { entry in
            entry.problems.map { "\(entry.number.map { "step \($0)" } ?? "boot"): \(entry.sentence): \($0)" }
        }
    }
}
