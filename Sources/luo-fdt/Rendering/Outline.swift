import Handover

/// A piece of a line.
struct Cell {
    var text: String
    var role: TextStyle.Role
    /// Whether to right-align the cell, as in columns of numbers.
    var isRightAligned = false

    init(_ text: String, _ role: TextStyle.Role = .plain, right isRightAligned: Bool = false) {
        self.text = text
        self.role = role
        self.isRightAligned = isRightAligned
    }
}

extension Cell {
    init(_ cell: ContentCell) {
        switch cell.role {
        case .plain: self.init(cell.text)
        case .heading: self.init(cell.text, .heading)
        case .name: self.init(cell.text, .name)
        case .address: self.init(cell.text, .address)
        case .faint: self.init(cell.text, .faint)
        case .warning: self.init(cell.text, .warning)
        case .byteCount(let count): self.init(Quantity.bytes(count), right: true)
        }
    }
}

/// The column widths of a group of lines.
struct Columns {
    fileprivate var widths: [Int] = []
    /// A wider cell does not widen its column, so that one long name does not push everything else away.
    private static let limit = 40

    mutating func measure(_ cells: [Cell]) {
        while widths.count < cells.count { widths.append(0) }
        for (index, cell) in cells.enumerated() {
            widths[index] = max(widths[index], min(cell.text.columnCount, Self.limit))
        }
    }

    init() {}

    init(_ lines: [[Cell]]) {
        for line in lines { measure(line) }
    }
}

/// Draws nested lines as a tree.
struct Outline {
    let style: TextStyle
    /// For each open line, whether it is the last child of its parent.
    private var isLast: [Bool] = []

    init(style: TextStyle) {
        self.style = style
    }

    /// Writes a line, then its children.
    mutating func line(
        _ cells: [Cell], columns: Columns? = nil, isLast last: Bool, to sink: inout TextSink,
        below: (inout Outline, inout TextSink) -> Void = { _, _ in }
    ) {
        var rails = ""
        for last in isLast { rails += last ? "   " : "│  " }
        write(cells, columns ?? Columns([cells]), rails + (last ? "└─ " : "├─ "), rails + (last ? "   " : "│  "), &sink)
        isLast.append(last)
        below(&self, &sink)
        isLast.removeLast()
    }

    /// Writes the line above the tree.
    func title(_ cells: [Cell], to sink: inout TextSink) {
        write(cells, Columns([cells]), "", "│  ", &sink)
    }

    private func write(
        _ cells: [Cell], _ columns: Columns, _ prefix: String, _ foldedPrefix: String, _ sink: inout TextSink
    ) {
        style.write(prefix, as: .faint, to: &sink)
        var column = prefix.columnCount
        let start = column
        // Written before the next cell, so that lines have no trailing spaces.
        var pending = 0
        for (index, cell) in cells.enumerated() {
            let width = cell.text.columnCount
            let columnWidth = max(width, index < columns.widths.count ? columns.widths[index] : 0)
            // An empty column takes no space.
            guard columnWidth > 0 else { continue }
            let padding = columnWidth - width
            let before = pending + (cell.isRightAligned ? padding : 0)
            if let limit = style.width, column > start, width > 0, column + before + width > limit {
                sink.endLine()
                style.write(foldedPrefix, as: .faint, to: &sink)
                sink.spaces(4)
                column = foldedPrefix.columnCount + 4
            } else if width > 0 {
                sink.spaces(before)
                column += before
            }
            guard width > 0 else {
                pending += columnWidth + 2
                continue
            }
            style.write(cell.text, as: cell.role, to: &sink)
            column += width
            pending = 2 + (cell.isRightAligned ? 0 : padding)
        }
        sink.endLine()
    }
}

extension String {
    /// The number of terminal columns that visible text takes.
    var columnCount: Int {
        var count = 0
        for scalar in unicodeScalars {
            if scalar.isASCII {
                count += 1
                continue
            }
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark: break
            default: count += Self.isWide(scalar.value) ? 2 : 1
            }
        }
        return count
    }

    /// East Asian wide characters and emoji, by their main blocks.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
            true
        default: false
        }
    }
}
