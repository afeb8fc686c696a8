import Handover

extension ScenarioReport: CustomStringConvertible {
    /// The width of the story in columns.
    private static let width = 80

    /// The report as a story: each step, followed by what happened.
    public var description: String {
        var text = scenario.title.wrapped(to: Self.width, indent: "") + "\n"
        if let about = scenario.about { text += "  " + about.wrapped(to: Self.width - 2, indent: "  ") + "\n" }
        if scenario.isAsDocumented { text += "  FLBs are finished as documented: no kernel up to 7.3 does that.\n" }
        text += "\n"
        let column = entries.map(\.kernel.count).max() ?? 0
        for entry in entries { text += entry.story(kernelColumn: column, width: Self.width) }
        text += hasPassed ? "\nall as expected\n" : "\nNOT as expected\n"
        return text
    }
}

extension ScenarioReport.Entry {
    fileprivate func story(kernelColumn: Int, width: Int) -> String {
        let label = number.map(String.init) ?? (isBoot ? "·" : "")
        let head = kernel.padded(to: kernelColumn) + " " + label.paddedLeft(to: 3)
        let indent = String(repeating: " ", count: kernelColumn + 6)
        var line = sentence
        if case .errno(let errno) = result { line += " = \(errno.kernelName)" }
        var text = "\(head)  \(line.wrapped(to: width - indent.count - 2, indent: indent + "  "))\n"
        if let note { text += indent + "# " + note.wrapped(to: width - indent.count - 2, indent: indent + "# ") + "\n" }
        let happened = race?.lines ?? Self.folded(events.map(\.description))
        let references = moves.map { "\($0.name) \($0.from) → \($0.to)" }.joined(separator: ", ")
        let lines =
            happened + (moves.isEmpty ? [] : ["references to owners: \(references)"])
            + problems.map { "NOT AS EXPECTED: \($0)" }
        for (index, line) in lines.enumerated() {
            let isLast = index == lines.count - 1
            text += indent + (isLast ? "└─ " : "├─ ")
            text += line.wrapped(to: width - indent.count - 3, indent: indent + (isLast ? "   " : "│  ")) + "\n"
        }
        return text
    }

    /// Shows lines that differ only in numbers twice, and counts the others.
    private static func folded(_ lines: [String]) -> [String] {
        var shown: [String] = []
        var counts: [String: Int] = [:]
        var hidden = 0
        func count() {
            if hidden > 0 { shown.append("… and \(hidden) more like these") }
            hidden = 0
        }
        for line in lines {
            let shape = String(line.filter { !$0.isHexDigit })
            counts[shape, default: 0] += 1
            if counts[shape, default: 0] > 2, lines.count > 12 {
                hidden += 1
            } else {
                count()
                shown.append(line)
            }
        }
        count()
        return shown
    }
}

extension Event: CustomStringConvertible {
    public var description: String {
        switch self {
        case .callback(let call): call.description
        case .count(let flb, let direction, let from, let to): "\(flb): \(direction.rawValue) count \(from) → \(to)"
        case .message(let text): text
        case .warning(let text): text.hasPrefix("BUG: ") ? text : "WARNING: \(text)"
        }
    }
}

extension Event.Callback: CustomStringConvertible {
    /// For example `memfd-v2: preserve(token 0x1) = 0x10000000`.
    public var description: String {
        let handle = data.map(\.prefixedHex)
        var arguments = token.map { ["token \($0.prefixedHex)"] } ?? []
        var returned: String?
        if operation == .preserve {
            returned = handle
        } else if let handle {
            arguments.append(handle)
        }
        if let error { returned = error.kernelName }
        return "\(name): \(operation.rawValue)(\(arguments.joined(separator: ", ")))"
            + (returned.map { " = \($0)" } ?? "")
    }
}

extension String {
    /// Breaks the string into lines of at most `width` characters; indents all but the first.
    func wrapped(to width: Int, indent: String) -> String {
        var lines: [String] = []
        for word in split(separator: " ") {
            if let last = lines.last, last.count + word.count < width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.joined(separator: "\n" + indent)
    }
}
