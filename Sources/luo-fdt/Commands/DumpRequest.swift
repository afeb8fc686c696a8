import Handover
import KernelABI
import SystemPackage

/// What can be asked about a handover instead of having it shown.
enum DumpQuestion: Hashable, Sendable {
    /// What is at these addresses.
    case addresses([PhysicalAddress])
    /// Which memory is preserved.
    case preserved
}

/// What `dump` is asked to show, and how.
struct DumpRequest: Sendable {
    var inputs: [FilePath]
    var format = DumpFormat.tree
    /// The one blob to show.
    var subtree: String?
    /// Whether JSON has the bytes of what is handed over.
    var contents = false
    /// The parts to show.
    var selection = Selection()
    /// What is asked instead of for the handover as a whole.
    var question: DumpQuestion?
    /// Whether the tree shows long lists whole.
    var all = false
    /// Whether only the exit status tells.
    var isQuiet = false
    var color = ColorArgument.auto
    var options = InputOptions()

    /// Whether several things are shown, and so each needs a heading.
    var needsHeadings: Bool { inputs.count > 1 }

    /// Shows the inputs, and ends the process.
    func run() -> Never {
        let stream = OutputStream.standardOutput(inputs: inputs + options.files)
        let output = DumpOutput(request: self, style: color.style(on: stream), stream: stream)
        var status = ExitStatus.fine
        var last: HandoverInput?
        for parts in HandoverInput.groups(of: inputs) { last = show(parts, on: output, &status) }
        status.exit(keeping: last)
    }

    /// Shows an input, or all parts of one, which is returned, and notes in `status` how that ended.
    private func show(_ parts: [FilePath], on output: DumpOutput, _ status: inout ExitStatus) -> HandoverInput? {
        let path = parts[0]
        Heap.makeRoom(forInputAt: path, share: 0.25)
        do throws(InputError) {
            var options = options
            options.memory += parts.dropFirst()
            // What the root leads to may still be there.
            options.searchesWithoutRoot = true
            let handover = try HandoverInput.read(path, options)
            if let subtree, !handover.documents.contains(where: { $0.blob(named: subtree) != nil }) {
                let names = handover.documents.flatMap { $0.blobs.map { ImageText($0.name).bare } }.joined(
                    separator: ", ")
                Diagnostics.report("\(handover.path): no subtree \"\(subtree)\"; there are \(names)")
                status = status.worse(.unreadable)
                return handover
            }
            // Without --search, that there is nothing but what was found is damage.
            if !options.searches, handover.documents.allSatisfy(\.isFound) { status = status.worse(.damaged) }
            if isQuiet {
                status = status.worse(handover.isDamaged ? .damaged : .fine)
                return handover
            }
            for problem in output.show(handover) {
                Diagnostics.report("\(handover.path): \(problem)")
                status = status.worse(.unreadable)
            }
            output.stream.flush()
            if contents {
                for document in handover.documents {
                    let capture = Capture(of: document.reading, in: document.memory, contents: true)
                    status = status.worse(CaptureReport.print(capture, of: handover.path))
                }
            }
            FindingReport.print(handover)
            if handover.isDamaged { status = status.worse(.damaged) }
            return handover
        } catch {
            Diagnostics.report("\(error)")
            status = status.worse(.unreadable)
            return nil
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
