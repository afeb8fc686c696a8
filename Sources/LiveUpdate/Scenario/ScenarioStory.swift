extension ScenarioReport: CustomStringConvertible {
    /// The report as a story: each step, and below it what happened.
    public var description: String {
        var text = title + "\n"
        if let about { text += "  " + about.wrapped(to: 98, indent: "  ") + "\n" }
        if isAsDocumented { text += "  FLBs are finished as documented: no kernel up to 7.3 does that.\n" }
        text += "\n"
        for entry in entries { text += entry.description }
        text += hasPassed ? "\nall as expected\n" : "\nNOT as expected\n"
        return text
    }
}

extension ScenarioReport.Entry: CustomStringConvertible {
    public var description: String {
        let label = number.map(String.init) ?? (isBoot ? "·" : "")
        let margin = String(repeating: " ", count: max(0, 3 - label.count)) + label
        var text = "\(kernel) \(margin)  \(sentence)"
        switch result {
        case .errno(let errno): text += " = \(errno.kernelName)"
        case .problem, nil: break
        }
        text += "\n"
        let indent = String(repeating: " ", count: kernel.count + 6)
        if let note { text += indent + "# " + note.wrapped(to: 92, indent: indent + "# ") + "\n" }
        var lines = events.map(\.description)
        lines += problems.map { "NOT AS EXPECTED: \($0)" }
        for (index, line) in lines.enumerated() {
            text += indent + (index == lines.count - 1 ? "└─ " : "├─ ") + line + "\n"
        }
        return text
    }
}

extension Event: CustomStringConvertible {
    public var description: String {
        switch self {
        case .callback(let call): call.description
        case .count(let flb, let direction, let from, let to): "\(flb): \(direction.rawValue) count \(from) → \(to)"
        case .message(let text): text
        case .warning(let text): "WARNING: \(text)"
        }
    }
}

extension Event.Callback: CustomStringConvertible {
    /// For example `memfd-v2: preserve(token 0x1) = 0x10000000`.
    public var description: String {
        let handle = data.map { "0x" + String($0, radix: 16) }
        var arguments = token.map { ["token 0x" + String($0, radix: 16)] } ?? []
        var returned: String?
        if operation == .preserve {
            returned = handle
        } else if let handle {
            arguments.append(handle)
        }
        if let error { returned = error.kernelName }
        return "\(name): \(operation.rawValue)(\(arguments.joined(separator: ", ")))" + (returned.map { " = \($0)" } ?? "")
    }
}

extension String {
    /// The string in lines of at most `width` characters, all but the first indented.
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
