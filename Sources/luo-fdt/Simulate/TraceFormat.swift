import ArgumentParser
import FoundationEssentials
import LiveUpdate

/// How the trace of a scenario is shown.
enum TraceFormat: String, ExpressibleByArgument, CaseIterable {
    /// As a story.
    case tree
    /// As one JSON document.
    case json

    func show(_ report: ScenarioReport, on output: OutputStream) {
        switch self {
        case .tree: output.write(report.description)
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            do {
                output.write(Array(try encoder.encode(report)))
                output.write("\n")
            } catch {
                Diagnostics.report("\(error)")
            }
        }
    }
}
