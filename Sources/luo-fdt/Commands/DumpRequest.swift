import Handover
import KernelABI
import SystemPackage

/// A question about a handover, answered instead of showing it.
enum DumpQuestion: Hashable, Sendable {
    /// What is at these addresses?
    case addresses([PhysicalAddress])
    /// Which memory is preserved?
    case preserved
}

/// What `dump` should show, and how.
struct DumpRequest: Sendable {
    var inputs: [FilePath]
    var format = DumpFormat.tree
    /// The single blob to show.
    var subtree: String?
    /// Whether JSON output contains the bytes that are handed over.
    var contents = false
    /// The parts to show.
    var selection = Selection()
    /// The question to answer instead of showing the handover.
    var question: DumpQuestion?
    /// Whether the tree shows long lists in full.
    var all = false
    /// Whether the exit status is the only output.
    var isQuiet = false
    var color = ColorArgument.auto
    var options = InputOptions()

    /// Whether several inputs are shown, each of which needs a heading.
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

    /// Shows an input, which may consist of several parts, and returns it. Updates `status` with the result.
    private func show(_ parts: [FilePath], on output: DumpOutput, _ status: inout ExitStatus) -> HandoverInput? {
        let path = parts[0]
        Heap.makeRoom(forInputAt: path, share: 0.25)
        do throws(InputError) {
            var options = options
            options.memory += parts.dropFirst()
            // What the root refers to may still be found.
            options.searchesWithoutRoot = true
            let handover = try HandoverInput.read(path, options)
            if let subtree, !handover.documents.contains(where: { $0.blob(named: subtree) != nil }) {
                let names = handover.documents.flatMap { $0.blobs.map { ImageText($0.name).bare } }.joined(
                    separator: ", ")
                Diagnostics.report("\(handover.path): no subtree \"\(subtree)\"; there are \(names)")
                status = status.worse(.unreadable)
                return handover
            }
            // Without --search, finding nothing but what the fallback search found counts as damage.
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
    /// A `dump` with only inputs and possibly a format, as used on thousands of captures; `nil` for any other
    /// arguments.
    ///
    /// Bypasses ArgumentParser, which inspects every command through reflection and takes several times as long as
    /// showing a small capture.
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
