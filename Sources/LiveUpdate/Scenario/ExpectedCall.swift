/// A call expected by a step: `NAME OPERATION`, or `NAME OPERATION: ERROR`.
struct ExpectedCall {
    let name: String
    let operation: String
    let error: String?

    /// - Returns: `nil` if the text has another form.
    init?(_ text: String) {
        // Names can have colons, and spaces.
        var head = text[...]
        var error: String?
        if let colon = text.lastIndex(of: ":"), text[colon...].hasPrefix(": ") {
            head = text[..<colon]
            error = String(text[colon...].dropFirst(2))
        }
        guard let space = head.lastIndex(of: " "), space > head.startIndex else { return nil }
        name = String(head[..<space])
        operation = String(head[space...].dropFirst())
        self.error = error
    }

    /// The call as events have it, of a part that is called so.
    fileprivate func text(_ compatible: String) -> String {
        "\(compatible) \(operation)" + (error.map { ": \($0)" } ?? "")
    }
}

extension Scenario {
    /// What kernels call a part that steps call `name`, which may be its `compatible`, too; `nil` if there is none. A
    /// handler that kernels have of themselves has several, from release to release.
    func compatibles(of name: String, _ subject: Event.Callback.Subject) -> [String]? {
        if subject == .handler, let own = KernelHandler.named(name) { return own.compatibles }
        let parts =
            subject == .flb ? flbs.map { ($0.name, $0.compatible) } : handlers.map { ($0.name, $0.compatible) }
        if let part = parts.first(where: { $0.0 == name }) { return [part.1] }
        let known = parts.map(\.1) + (subject == .flb ? [] : KernelHandler.all.flatMap(\.compatibles))
        return known.contains(name) ? [name] : nil
    }

    /// Whether calls that events tell of are those that a step expects.
    func areCalls(_ found: [String], _ expected: [String], of subject: Event.Callback.Subject) -> Bool {
        found.count == expected.count
            && zip(found, expected).allSatisfy { found, text in
                guard let call = ExpectedCall(text) else { return false }
                return compatibles(of: call.name, subject)?.contains { call.text($0) == found } ?? false
            }
    }
}
