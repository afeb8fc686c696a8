import FDT
import Handover
import KernelABI

/// Writes trees as device tree source, which `dtc` compiles to a tree with the same nodes, properties and reservations.
///
/// A value is written as strings if it consists only of printable NUL-terminated strings; else as 32-bit big-endian
/// cells if it is a whole number of them; else as bytes. In trees of KHO and LUO, an 8-byte value is followed by its
/// value as a native, little-endian u64.
///
/// Not everything that a tree can contain can be written in the language:
/// - Bytes of a name that `dtc` rejects become `_`, with the name in a comment.
/// - A property that follows a subnode of its node is written as a comment.
/// - `dtc` complains about unusual or duplicate names unless given `--force`, and omits a property `name` that equals
///   the node's name.
struct SourceRenderer: Sendable {
    /// Deeper levels are not indented further, so that the text of a deep tree does not grow quadratically with its
    /// depth.
    private static let deepestIndentation = 32
    /// How much of a property name is written: names may share their ends, so their total length may exceed the tree's
    /// size.
    private static let longestName = 256

    /// - Parameter title: What the tree is, for the comment at the top: `root FDT at 0x4a6000`.
    func render(_ tree: FlattenedTree, title: String, to sink: inout TextSink) {
        head("\(title), \(tree.totalSize) bytes, version \(tree.header.version)", [], &sink)
        reservations(tree.memoryReservations, &sink)
        // Properties share few names: check each name once.
        let hasPlainNames = tree.withStrings { SourceValue.areNames($0) }
        var depth = 0
        // Whether a subnode of the current node has ended, and whether the node has any content.
        var followsSubnode = false
        var isEmpty = true
        var isKernels = false
        tree.scan { step in
            switch step {
            case .beginNode(let name, let nodeDepth):
                if !isEmpty { sink.endLine() }
                beginNode(name, nodeDepth, &sink)
                depth = nodeDepth + 1
                followsSubnode = false
                isEmpty = true
            case .property(let name, let value):
                if depth == 1, !isKernels { isKernels = SourceValue.namesKernelABI(value) }
                if followsSubnode {
                    indent(depth, &sink)
                    lostProperty("after a subnode, where readers ignore it: ", name, value, isKernels, &sink)
                    sink.endLine()
                } else {
                    let isPlain =
                        name.byteCount <= Self.longestName
                        && (hasPlainNames ? name.byteCount > 0 : SourceValue.isName(name))
                    property(name, isPlain: isPlain, value, depth, isKernels, &sink)
                }
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

    /// Writes the readable part of a damaged tree. Comments report what is missing.
    func render(_ tree: PartialTree, title: String, to sink: inout TextSink) {
        var size = ""
        if let header = tree.header { size = " of \(header.totalSize)" }
        head("\(title), \(tree.byteCount)\(size) bytes", tree.missing.map { "missing: \($0)" }, &sink)
        reservations(tree.memoryReservations, &sink)
        var open: [PartialTree.Node] = []
        let isKernels = tree.root?.properties.contains { $0.withBytes { SourceValue.namesKernelABI($0) } } ?? false
        for node in tree.nodes {
            while open.count > node.depth {
                open.removeLast()
                endNode(open.count, &sink)
            }
            if node.depth == 0, node.index > 0 {
                Self.comment("a second root node follows, which is omitted", &sink)
                sink.endLine()
                break
            }
            beginNode(Array(node.name.utf8).span.bytes, node.depth, &sink)
            for property in node.properties {
                let name = property.nameBytes
                property.withBytes { value in
                    if let name, property.isWhole {
                        let isPlain = name.count <= Self.longestName && SourceValue.isName(name.span.bytes)
                        return self.property(name.span.bytes, isPlain: isPlain, value, node.depth + 1, isKernels, &sink)
                    }
                    indent(node.depth + 1, &sink)
                    if let name {
                        lostProperty(
                            "truncated after \(value.byteCount) of \(property.declaredCount) bytes: ",
                            name.span.bytes, value, isKernels, &sink)
                    } else {
                        lostProperty(
                            "its name, at \(property.nameOffset.prefixedHex) of the strings block, is missing: ",
                            [UInt8(ascii: "?")].span.bytes, value, isKernels, &sink)
                    }
                    sink.endLine()
                }
            }
            open.append(node)
        }
        if let last = open.last, !last.hasEnd {
            indent(open.count, &sink)
            Self.comment("the tree stops here", &sink)
            sink.endLine()
        }
        while open.popLast() != nil { endNode(open.count, &sink) }
        sink.finish()
    }

    // MARK: - Pieces

    private func head(_ title: String, _ remarks: [String], _ sink: inout TextSink) {
        Self.comment(title, &sink)
        sink.endLine()
        for remark in remarks {
            Self.comment(remark, &sink)
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

    private func beginNode(_ name: RawSpan, _ depth: Int, _ sink: inout TextSink) {
        guard depth > 0 else { return sink.write("/ {\n") }
        let isPlain = SourceValue.isName(name)
        if !isPlain { oddName(name, depth, &sink) }
        let tabs = tabs(depth)
        sink.endLine(atMost: tabs + name.byteCount + 2) { text in
            if isPlain { text.write(name, tabs: tabs) }
            text.write(" {")
        }
    }

    private func endNode(_ depth: Int, _ sink: inout TextSink) {
        let tabs = tabs(depth)
        sink.endLine(atMost: tabs + 2) { text in
            text.tabs(tabs)
            text.write("};")
        }
    }

    private func property(
        _ name: RawSpan, isPlain: Bool, _ value: RawSpan, _ depth: Int, _ isKernels: Bool, _ sink: inout TextSink
    ) {
        if !isPlain { oddName(name, depth, &sink) }
        let form = SourceValue(value)
        let tabs = tabs(depth)
        if form == .cells, value.byteCount > Self.rowSize {
            sink.write(atMost: tabs + name.byteCount) { text in
                if isPlain { text.write(name, tabs: tabs) }
            }
            return rows(value, depth, &sink)
        }
        let number = isKernels ? form.number(value) : nil
        sink.endLine(atMost: tabs + name.byteCount + form.mostText(value) + 32) { text in
            if isPlain { text.write(name, tabs: tabs) }
            form.write(value, &text)
            text.write(";")
            if let number {
                text.write(" /* 0x")
                text.hex(number)
                text.write(" */")
            }
        }
    }

    /// The size in bytes of the cells on one line.
    private static let rowSize = 32

    /// Ends a property whose cells take several lines.
    private func rows(_ value: RawSpan, _ depth: Int, _ sink: inout TextSink) {
        sink.write(" = <")
        for start in stride(from: 0, to: value.byteCount, by: Self.rowSize) {
            if start > 0 {
                sink.endLine()
                indent(depth + 1, &sink)
            }
            let row = value.extracting(start..<min(start + Self.rowSize, value.byteCount))
            sink.write(atMost: SourceValue.cells.mostText(row)) { SourceValue.writeCells(row, &$0) }
        }
        sink.endLine(atMost: 2) { $0.write(">;") }
    }

    /// Writes a property that has no place in the language.
    private func lostProperty(
        _ why: String, _ name: RawSpan, _ value: RawSpan, _ isKernels: Bool, _ sink: inout TextSink
    ) {
        sink.write("/* ")
        sink.write(why)
        possibleName(name, &sink)
        if value.byteCount > 0 {
            sink.write(atMost: SourceValue.bytes.mostText(value)) { SourceValue.bytes.write(value, &$0) }
        }
        let form = SourceValue(value)
        if isKernels, let number = form.number(value) {
            sink.write(", 0x")
            sink.hex(number)
        } else if case .strings = form {
            sink.write(", ")
            Self.commentText(ImageText(value.array.dropLast()).quoted, &sink)
        }
        sink.write(" */")
    }

    /// Writes a name that `dtc` rejects as one that it accepts, with the original in a comment.
    private func oddName(_ name: RawSpan, _ depth: Int, _ sink: inout TextSink) {
        indent(depth, &sink)
        possibleName(name, &sink)
        sink.write(" ")
        let shown = name.extracting(first: Self.longestName)
        let rest = name.byteCount - shown.byteCount
        Self.comment(
            "the name is \(ImageText(shown.array).quoted)" + (rest > 0 ? " and \(rest) bytes more" : ""), &sink)
    }

    private func possibleName(_ name: RawSpan, _ sink: inout TextSink) {
        for offset in 0..<min(name.byteCount, Self.longestName) {
            let byte = name.byte(offset)
            sink.write(SourceValue.isNameCharacter(byte) ? byte : UInt8(ascii: "_"))
        }
        if name.byteCount == 0 { sink.write("_") }
    }

    /// Writes a comment; the text cannot end it early.
    static func comment(_ text: String, _ sink: inout TextSink) {
        sink.write("/* ")
        commentText(text, &sink)
        sink.write(" */")
    }

    private static func commentText(_ text: String, _ sink: inout TextSink) {
        var last: UInt8 = 0
        for byte in ImageText.visible(text, inLine: true).utf8 {
            if last == UInt8(ascii: "*"), byte == UInt8(ascii: "/") { sink.write(" ") }
            sink.write(byte)
            last = byte
        }
    }

    private func indent(_ depth: Int, _ sink: inout TextSink) {
        let tabs = tabs(depth)
        sink.write(atMost: tabs) { $0.tabs(tabs) }
    }

    private func tabs(_ depth: Int) -> Int { min(depth, Self.deepestIndentation) }
}
