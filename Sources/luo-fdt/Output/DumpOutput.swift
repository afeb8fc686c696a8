import FDT
import Glibc
import Handover
import KernelABI
import SystemPackage

/// Shows handovers on standard output in the requested format.
struct DumpOutput {
    let request: DumpRequest
    let style: TextStyle
    let stream: OutputStream

    /// - Returns: Descriptions of requested parts that do not exist.
    func show(_ input: HandoverInput) -> [String] {
        var problems: [String] = []
        var isFirst = true
        for document in input.documents {
            var document = document
            if let problem = request.selection.apply(to: &document.reading) {
                problems.append(problem)
                continue
            }
            heading(of: input, document, isFirst: isFirst)
            isFirst = false
            switch request.question {
            case .addresses(let addresses): answer(addresses, document)
            case .preserved: ranges(document)
            case nil: show(document, of: input)
            }
        }
        // If there are several documents, from a search or from two sides, it suffices that one has the part.
        return problems.count == input.documents.count ? problems : []
    }

    private func show(_ document: HandoverDocument, of input: HandoverInput) {
        switch request.format {
        case .tree: tree(document)
        case .json: json(document)
        case .jsonl: lines(of: input, document)
        case .dts: source(document)
        case .hex: hex(document)
        }
    }

    private func answer(_ addresses: [PhysicalAddress], _ document: HandoverDocument) {
        var sink = self.sink
        for (index, address) in addresses.enumerated() {
            if index > 0 { sink.endLine() }
            AddressRenderer(style: style, all: request.all)
                .render(AddressAnswer(address, in: document), memory: document.memory, to: &sink)
        }
    }

    private func ranges(_ document: HandoverDocument) {
        var sink = self.sink
        let summary = document.reading.state.preserved?.summary(pageSize: document.pageSize)
        for range in summary?.ranges ?? [] {
            let last = PhysicalAddress(range.upperBound.rawValue &- 1)
            sink.write("\(range.lowerBound) \(last) \(range.upperBound.rawValue &- range.lowerBound.rawValue)")
            sink.endLine()
        }
        sink.finish()
    }

    private var sink: TextSink { TextSink { [stream] in stream.write($0) } }

    private func heading(of input: HandoverInput, _ document: HandoverDocument, isFirst: Bool) {
        guard !request.format.isJSON, request.question != .preserved,
            request.needsHeadings || input.documents.count > 1
        else { return }
        let path = input.path(of: document)
        var sink = self.sink
        if request.format == .dts {
            sink.write("// \(ImageText.visible("\(path)", inLine: true))\n")
        } else {
            if request.format == .tree, !isFirst || request.needsHeadings && stream.hasWritten { sink.write("\n") }
            style.write("\(path)", as: .heading, to: &sink)
            sink.write("\n")
        }
        sink.finish()
    }

    private func tree(_ document: HandoverDocument) {
        var sink = self.sink
        TreeRenderer(style: style, all: request.all || !request.selection.isEverything).render(
            document.reading, to: &sink)
        for note in document.notes {
            style.write(note.name, as: .faint, to: &sink)
            sink.write(" \(note.text)\n")
        }
        if !document.scratch.isEmpty {
            let size = document.scratch.byteCount
            style.write("scratch", as: .faint, to: &sink)
            sink.write(" \(Quantity.bytes(size)) in \(Quantity.count(document.scratch.count, "area"))\n")
        }
        sink.finish()
    }

    private func json(_ document: HandoverDocument) {
        var writer = DocumentWriter { [stream] in stream.write($0) }
        let reading = document.reading
        // A selected part of the state does not account for the remaining bytes.
        var state = request.selection.isEverything ? reading.exactState(in: document.memory) : reading.state
        if request.contents { state.residue = (state.residue ?? []) + handedOver(by: document) }
        writer.write(state)
        // The JSON document has no place for these notes.
        for note in document.notes where note.name == HandoverDocument.Note.afterTree {
            Diagnostics.report("\(note.name): \(note.text)")
        }
    }

    private func lines(of input: HandoverInput, _ document: HandoverDocument) {
        var writer = DocumentWriter { [stream] in stream.write($0) }
        let isOne = !request.needsHeadings && input.documents.count == 1
        RecordLines(input: isOne ? nil : input.path(of: document).string).write(document.reading.state, to: &writer)
        writer.flushRest()
    }

    private func handedOver(by document: HandoverDocument) -> [ResidueState] {
        do throws(MemoryError) {
            return try Capture(of: document.reading, in: document.memory, contents: true).contents()
        } catch {
            stream.flush()
            Diagnostics.report("\(error)")
            exit(ExitStatus.unreadable.rawValue)
        }
    }

    private func source(_ document: HandoverDocument) {
        var sink = self.sink
        document.forEachPiece(ofBlob: request.subtree) { piece in
            let title = piece.title + (piece.address.map { " at \($0)" } ?? "")
            if let original = piece.original {
                SourceRenderer.comment("\(title): the same bytes as \(original)", &sink)
                sink.write("\n\n")
                return
            }
            guard case .tree = piece.form else {
                if piece.isBlob {
                    sink.write("// \(ImageText.visible(title, inLine: true)): not an FDT; see --format hex\n\n")
                }
                return
            }
            do throws(FDTError) {
                SourceRenderer().render(try piece.openTree(), title: title, to: &sink)
            } catch {
                SourceRenderer().render(PartialTree(piece.bytes), title: title, to: &sink)
            }
            if request.subtree == nil { sink.write("\n") }
        }
        for note in document.notes {
            SourceRenderer.comment("\(note.name): \(note.text)", &sink)
            sink.write("\n")
        }
        sink.finish()
    }

    private func hex(_ document: HandoverDocument) {
        var sink = self.sink
        document.forEachPiece(ofBlob: request.subtree) { piece in
            if let original = piece.original {
                sink.write("\(piece.title): the same bytes as \(original)\n\n")
                return
            }
            HexRenderer(style: style).render(
                piece.title, address: piece.address, bytes: piece.bytes, form: piece.form, to: &sink)
        }
        for note in document.notes { sink.write("\(note.name): \(note.text)\n") }
        sink.finish()
    }
}

extension HandoverInput {
    /// The name of a document of the input: the input itself, or a part of it.
    fileprivate func path(of document: HandoverDocument) -> FilePath {
        document.part.map { path.appending($0) } ?? path
    }
}
