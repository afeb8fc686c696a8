import ArgumentParser
import Handover

/// A way to show a handover.
enum DumpFormat: String, ExpressibleByArgument, CaseIterable {
    case json

    func show(_ document: HandoverDocument, of input: HandoverInput, on output: OutputStream) {
        switch self {
        case .json:
            var writer = DocumentWriter { output.write($0) }
            writer.write(document.reading.state)
        }
    }
}
