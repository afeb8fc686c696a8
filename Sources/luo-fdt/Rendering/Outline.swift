/// A piece of a line.
struct Cell {
    var text: String
    var role: TextStyle.Role
    /// Numbers stand under each other at their right ends.
    var isRightAligned = false

    init(_ text: String, _ role: TextStyle.Role = .plain, right isRightAligned: Bool = false) {
        self.text = text
        self.role = role
        self.isRightAligned = isRightAligned
    }
}

/// The widths of the columns of lines that belong together.
struct Columns {
    fileprivate var widths: [Int] = []
    /// A cell wider than this one does not make its column wider: one long name is not to push all else away.
    private static let limit = 40

    mutating func measure(_ cells: [Cell]) {
        while widths.count < cells.count { widths.append(0) }
        for (index, cell) in cells.enumerated() {
            widths[index] = max(widths[index], min(Legible.width(cell.text), Self.limit))
        }
    }

    init() {}

    init(_ lines: [[Cell]]) {
        for line in lines { measure(line) }
    }
}

/// Draws lines that belong below each other as a tree.
struct Outline {
    let style: TextStyle
    /// For each open line, whether it was the last one of its parent.
    private var isLast: [Bool] = []

    init(style: TextStyle) {
        self.style = style
    }

    /// Writes a line, then the lines below it.
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

    /// Writes the line above the whole tree.
    func title(_ cells: [Cell], to sink: inout TextSink) {
        write(cells, Columns([cells]), "", "│  ", &sink)
    }

    private func write(
        _ cells: [Cell], _ columns: Columns, _ prefix: String, _ foldedPrefix: String, _ sink: inout TextSink
    ) {
        style.write(prefix, as: .faint, to: &sink)
        var column = Legible.width(prefix)
        let start = column
        // Written before the next cell: nothing is padded at the end of a line.
        var pending = 0
        for (index, cell) in cells.enumerated() {
            let width = Legible.width(cell.text)
            let columnWidth = max(width, index < columns.widths.count ? columns.widths[index] : 0)
            // A column with nothing in it takes no room.
            guard columnWidth > 0 else { continue }
            let padding = columnWidth - width
            let before = pending + (cell.isRightAligned ? padding : 0)
            if let limit = style.width, column > start, width > 0, column + before + width > limit {
                sink.endLine()
                style.write(foldedPrefix, as: .faint, to: &sink)
                sink.spaces(4)
                column = Legible.width(foldedPrefix) + 4
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
