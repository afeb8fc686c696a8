import ArgumentParser
import Handover
import LiveUpdate

/// Output formats for scenarios.
enum ScenarioFormat: String, ExpressibleByArgument, CaseIterable {
    /// Stories.
    case tree
    /// One JSON document.
    case json
    /// One line per scenario in the format of the kernel's selftests: KTAP.
    case tap
    /// One test case per scenario, in JUnit's format.
    case junit
    /// The output of the player that runs scenarios on a real kernel.
    case kernel

    /// Shows `reports`, which are named after their files.
    func show(_ reports: [NamedReport], isQuiet: Bool, on output: OutputStream) {
        let shown = isQuiet ? reports.filter { $0.status != .fine } : reports
        let played = shown.compactMap { named in named.report.map { (named.name, $0) } }
        switch self {
        case .tree:
            if isQuiet {
                for named in shown where named.report != nil {
                    output.write("\(named.name): NOT as expected: \(named.problems.first ?? "")\n")
                }
            } else {
                output.write(played.map(\.1.description).joined(separator: "\n"))
            }
            if reports.count > 1 { output.write((played.isEmpty || isQuiet ? "" : "\n") + summary(of: reports) + "\n") }
        case .json:
            output.writeJSON { writer in
                guard reports.count > 1 else { return shown.forEach { $0.write(to: &writer) } }
                writer.array { writer in
                    for report in shown {
                        writer.element()
                        report.write(to: &writer)
                    }
                }
            }
        case .tap: output.write(tests(of: reports).ktap)
        case .junit: output.write(tests(of: reports).junit)
        case .kernel:
            for (name, report) in played {
                if reports.count > 1 { output.write("scenario \(name)\n") }
                for line in report.kernelTrace { output.write(line + "\n") }
            }
        }
    }

    private func tests(of reports: [NamedReport]) -> TestReport {
        TestReport(
            suite: "luo-fdt simulate",
            cases: reports.map {
                TestReport.Case(
                    name: $0.name, outcome: $0.report == nil ? .broken : $0.status == .fine ? .passed : .failed,
                    remarks: $0.problems)
            })
    }

    private func summary(of reports: [NamedReport]) -> String {
        let steps = reports.reduce(0) { $0 + ($1.report?.stepCount ?? 0) }
        let found = [(ExitStatus.damaged, "not as expected"), (.unreadable, "not played")].compactMap { status, text in
            let names = reports.filter { $0.status == status }.map(\.name)
            return names.isEmpty ? nil : "\(names.count) \(text): \(names.joined(separator: ", "))"
        }
        let result = found.isEmpty ? "all as expected" : found.joined(separator: "; ")
        return "\(reports.count) scenarios, \(steps) steps: \(result)"
    }
}

/// The report of a scenario, and the name of its file.
struct NamedReport {
    enum Outcome {
        case played(ScenarioReport)
        /// The scenario cannot be read or does not fit the image: the reasons, one line per problem.
        case unplayable(String)
    }

    let name: String
    let outcome: Outcome

    /// The report, if the scenario was played.
    var report: ScenarioReport? {
        if case .played(let report) = outcome { report } else { nil }
    }

    var status: ExitStatus {
        report.map { $0.hasPassed ? .fine : .damaged } ?? .unreadable
    }

    /// Unmet expectations, with their steps.
    var problems: [String] {
        switch outcome {
        case .unplayable(let problem): problem.split(separator: "\n").map(String.init)
        case .played(let report):
            report.entries.flatMap { entry in
                entry.problems.map { "\(entry.number.map { "step \($0)" } ?? "boot"): \(entry.sentence): \($0)" }
            }
        }
    }
}

extension NamedReport {
    /// Encodes the report; for a scenario that was not played, its name and the reason.
    func write(to writer: inout DocumentWriter) {
        if let report { return writer.report(report) }
        writer.object { writer in
            writer.member("title", name)
            writer.member("passed", false)
            writer.member("problems", strings: problems)
        }
    }
}
