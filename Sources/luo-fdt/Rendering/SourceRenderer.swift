import FDT

/// Writes trees as device tree source, which `dtc` compiles to a tree with equal nodes, properties and reservations.
///
/// Values are strings where they are nothing but printable strings with their NULs; else 32-bit cells, big-endian,
/// where they are a whole number of them; else bytes. A value of 8 bytes is followed by the number that it is when
/// read as a little-endian u64, which is what Linux KHO stores.
///
/// Not everything that a tree can hold has a form in the language:
/// - A byte of a name that `dtc` does not take becomes `_`, with the name in a comment.
/// - A property that follows a subnode of its node is written as a comment.
/// - `dtc` complains about names that are unusual or twice the same unless told `--force`, and leaves out a property
///   `name` that says what the node is called anyway.
struct SourceRenderer: Sendable {
    /// Beyond this the indentation stays the same: the text of a deep tree is not to grow with its depth's square.
    private static let deepestIndentation = 32

    /// - Parameter title: What the tree is, for the comment at the top: `root FDT at 0x4a6000`.
    func render(_ tree: FlattenedTree, title: String, to sink: inout TextSink) {
        head("\(title), \(tree.totalSize) bytes, version \(tree.header.version)", [], &sink)
        reservations(tree.memoryReservations, &sink)
        var depth = 0
        // Whether a subnode has ended in the node that is open, and whether anything at all is in it.
        var followsSubnode = false
        var isEmpty = true
        for event in tree.walk {
            switch event {
            case .beginNode(let node, let nodeDepth):
                if !isEmpty { sink.endLine() }
                depth = nodeDepth
                indent(depth, &sink)
                node.withNameBytes { beginNode($0, isRoot: nodeDepth == 0, &sink) }
                depth += 1
                followsSubnode = false
                isEmpty = true
            case .property(let property):
                indent(depth, &sink)
                property.withNameBytes { name in
                    property.withBytes { value in
                        if followsSubnode {
                            lostProperty("after a subnode, where no reader looks: ", name, value, &sink)
                        } else {
                            self.property(name, value, depth, &sink)
                        }
                    }
                }
                sink.endLine()
                isEmpty = false
            case .endNode:
                depth -= 1
                endNode(depth, &sink)
                followsSubnode = true
                isEmpty = false
            case .nop:
                break
            }
        }
        sink.finish()
    }

    /// Writes what there is of a tree that is not whole. What is missing is said in comments.
    func render(_ tree: PartialTree, title: String, to sink: inout TextSink) {
        var size = ""
        if let header = tree.header { size = " of \(header.totalSize)" }
        head("\(title), \(tree.byteCount)\(size) bytes", tree.missing.map { "missing: \($0)" }, &sink)
        reservations(tree.memoryReservations, &sink)
        var open: [PartialTree.Node] = []
        for node in tree.nodes {
            while open.count > node.depth {
                open.removeLast()
                endNode(open.count, &sink)
            }
            if node.depth == 0, node.index > 0 {
                comment("a second root node follows, which is left out", &sink)
                sink.endLine()
                break
            }
            indent(node.depth, &sink)
            beginNode(Array(node.name.utf8).span.bytes, isRoot: node.depth == 0, &sink)
            for property in node.properties {
                indent(node.depth + 1, &sink)
                let name = property.name.map { Array($0.utf8) }
                property.withBytes { value in
                    if let name, property.isWhole {
                        self.property(name.span.bytes, value, node.depth + 1, &sink)
                    } else if let name {
                        lostProperty(
                            "cut short after \(value.byteCount) of \(property.declaredCount) bytes: ",
                            name.span.bytes, value, &sink)
                    } else {
                        lostProperty(
                            "its name, at \(Quantity.hex(property.nameOffset)) of the strings block, is not there: ",
                            [UInt8(ascii: "?")].span.bytes, value, &sink)
                    }
                }
                sink.endLine()
            }
            open.append(node)
        }
        if let last = open.last, !last.hasEnd {
            indent(open.count, &sink)
            comment("the tree stops here", &sink)
            sink.endLine()
        }
        while open.popLast() != nil { endNode(open.count, &sink) }
        sink.finish()
    }

    // MARK: - Pieces

    private func head(_ title: String, _ remarks: [String], _ sink: inout TextSink) {
        comment(title, &sink)
        sink.endLine()
        for remark in remarks {
            comment(remark, &sink)
            sink.endLine()
        }
        sink.write("/dts-v1/;\n")
        sink.endLine()
    }

    private func reservations(_ reservations: some Sequence<MemoryReservation>, _ sink: inout TextSink) {
        var isEmpty = true
        for reservation in reservations {
            sink.write("/memreserve/ 0x")
            sink.hex(reservation.address, width: 16)
            sink.write(" 0x")
            sink.hex(reservation.size, width: 16)
            sink.write(";")
            sink.endLine()
            isEmpty = false
        }
        if !isEmpty { sink.endLine() }
    }

    private func beginNode(_ name: RawSpan, isRoot: Bool, _ sink: inout TextSink) {
        if isRoot {
            sink.write("/")
        } else {
            self.name(name, &sink)
        }
        sink.write(" {")
        sink.endLine()
    }

    private func endNode(_ depth: Int, _ sink: inout TextSink) {
        indent(depth, &sink)
        sink.write("};")
        sink.endLine()
    }

    private func property(_ name: RawSpan, _ value: RawSpan, _ depth: Int, _ sink: inout TextSink) {
        self.name(name, &sink)
        switch SourceValue(value) {
        case .empty: break
        case .strings:
            sink.write(" = ")
            SourceValue.writeStrings(value, &sink)
        case .cells:
            sink.write(" = <")
            for index in 0..<value.byteCount / 4 {
                // Long values are broken where eight cells end.
                if index > 0, index % 8 == 0 {
                    sink.endLine()
                    indent(depth + 1, &sink)
                } else if index > 0 {
                    sink.write(UInt8(ascii: " "))
                }
                sink.write("0x")
                sink.hex(SourceValue.cell(value, index), width: 8)
            }
            sink.write(">")
        case .bytes:
            sink.write(" = ")
            SourceValue.writeBytes(value, &sink)
        }
        sink.write(";")
        if let number = SourceValue.number(value) {
            sink.write(" /* 0x")
            sink.hex(number)
            sink.write(" */")
        }
    }

    /// A property that the language has no place for.
    private func lostProperty(_ why: String, _ name: RawSpan, _ value: RawSpan, _ sink: inout TextSink) {
        sink.write("/* ")
        sink.write(why)
        self.name(name, &sink, isInComment: true)
        if value.byteCount > 0 {
            sink.write(" = ")
            SourceValue.writeBytes(value, &sink)
        }
        if let number = SourceValue.number(value) {
            sink.write(", 0x")
            sink.hex(number)
        } else if case .strings = SourceValue(value) {
            sink.write(", ")
            commentText(Legible.quoted(value.array.dropLast()), &sink)
        }
        sink.write(" */")
    }

    private func name(_ name: RawSpan, _ sink: inout TextSink, isInComment: Bool = false) {
        if name.byteCount > 0, (0..<name.byteCount).allSatisfy({ SourceValue.isNameCharacter(name.byte($0)) }) {
            return sink.write(name)
        }
        for index in 0..<name.byteCount {
            sink.write(SourceValue.isNameCharacter(name.byte(index)) ? name.byte(index) : UInt8(ascii: "_"))
        }
        if name.byteCount == 0 { sink.write("_") }
        guard !isInComment else { return }
        sink.write(" ")
        comment("the name is \(Legible.quoted(name.array))", &sink)
    }

    /// A comment; its text cannot end it.
    private func comment(_ text: String, _ sink: inout TextSink) {
        sink.write("/* ")
        commentText(text, &sink)
        sink.write(" */")
    }

    private func commentText(_ text: String, _ sink: inout TextSink) {
        var last: UInt8 = 0
        for byte in text.utf8 {
            if last == UInt8(ascii: "*"), byte == UInt8(ascii: "/") { sink.write(" ") }
            sink.write(byte < 0x20 || byte == 0x7f ? UInt8(ascii: "?") : byte)
            last = byte
        }
    }

    private func indent(_ depth: Int, _ sink: inout TextSink) {
        for _ in 0..<min(depth, Self.deepestIndentation) { sink.write(UInt8(ascii: "\t")) }
    }
}
