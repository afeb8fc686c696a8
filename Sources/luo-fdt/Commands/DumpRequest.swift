import Handover
import SystemPackage

/// What `dump` is asked to show, and how.
struct DumpRequest: Sendable {
    var inputs: [FilePath]
    var format = DumpFormat.tree
    /// The one blob to show.
    var subtree: String?
    /// Whether the tree shows long lists whole.
    var all = false
    var color = ColorArgument.auto
    var options = InputOptions()

    func run() -> ExitStatus {
        let stream = OutputStream(.standardOutput)
        let output = DumpOutput(
            format: format, style: color.style(on: stream), all: all, blob: subtree, needsHeadings: inputs.count > 1,
            stream: stream)
        var status = ExitStatus.fine
        for path in inputs {
            status = status.worse(show(path, on: output))
            stream.flush()
        }
        return status
    }

    private func show(_ path: FilePath, on output: DumpOutput) -> ExitStatus {
        do throws(InputError) {
            let handover = try ProgressBar.whileReading(path, options)
            if let subtree, !handover.documents.contains(where: { $0.blob(named: subtree) != nil }) {
                let names = handover.documents.flatMap { $0.blobs.map(\.name) }.joined(separator: ", ")
                Diagnostics.report("\(handover.path): no subtree \"\(subtree)\"; there are \(names)")
                return .unreadable
            }
            output.show(handover)
            output.stream.flush()
            FindingReport.print(handover)
            return handover.isDamaged ? .damaged : .fine
        } catch {
            Diagnostics.report("\(error)")
            return .unreadable
        }
    }
}

extension DumpRequest {
    /// `dump` with nothing but inputs and perhaps a format, as it is run over thousands of captures; `nil` for
    /// whatever else the arguments say.
    ///
    /// ArgumentParser takes several times as long to understand this as it takes to show a small capture: it looks
    /// at every command through reflection.
    init?(plain arguments: some Collection<String>) {
        guard arguments.first == "dump" else { return nil }
        self.init(inputs: [])
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            if argument == "--format" || argument == "-f" {
                guard let format = rest.popFirst().flatMap(DumpFormat.init(rawValue:)) else { return nil }
                self.format = format
            } else if argument.isEmpty || argument.hasPrefix("-") {
                return nil
            } else {
                inputs.append(FilePath(argument))
            }
        }
        if inputs.isEmpty { return nil }
    }
}
