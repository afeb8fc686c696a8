/// A call expected by a step: `NAME OPERATION`, or `NAME OPERATION: ERROR`.
struct ExpectedCall {
    let name: String
    let operation: String
    let error: String?

    /// - Returns: `nil` if the text has another form.
    init?(_ text: String) {
        // Names may contain colons and spaces.
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

    /// The call as events report it, for a part with this `compatible`.
    fileprivate func text(_ compatible: String) -> String {
        "\(compatible) \(operation)" + (error.map { ": \($0)" } ?? "")
    }
}

extension Scenario {
    /// The names that kernels use for a part that steps refer to by name or by `compatible`; `nil` if there is no such
    /// part. A kernel's built-in handler has several, depending on the release.
    func compatibles(of name: String, _ subject: Event.Callback.Subject) -> [String]? {
        if subject == .handler, let own = KernelHandler.named(name) { return own.compatibles }
        let parts =
            subject == .flb ? flbs.map { ($0.name, $0.compatible) } : handlers.map { ($0.name, $0.compatible) }
        if let part = parts.first(where: { $0.0 == name }) { return [part.1] }
        let known = parts.map(\.1) + (subject == .flb ? [] : KernelHandler.all.flatMap(\.compatibles))
        return known.contains(name) ? [name] : nil
    }

    /// Whether the calls reported by events are those that a step expects.
    func areCalls(_ found: [String], _ expected: [String], of subject: Event.Callback.Subject) -> Bool {
        found.count == expected.count
            && zip(found, expected).allSatisfy { found, text in
                guard let call = ExpectedCall(text) else { return false }
                return compatibles(of: call.name, subject)?.contains { call.text($0) == found } ?? false
            }
    }
}
