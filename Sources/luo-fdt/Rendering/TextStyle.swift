/// How text is shown: with or without colours, and how wide.
struct TextStyle: Hashable, Sendable {
    /// Whether the reader is a terminal that understands colours.
    var usesColor = false
    /// The number of columns of the terminal, where there is one; longer lines are folded.
    var width: Int?

    /// For files and pipes.
    static let plain = TextStyle()

    /// What a piece of text is, which decides its colour.
    enum Role: Hashable, Sendable {
        case plain
        /// A heading.
        case heading
        /// The name of something.
        case name
        case address
        /// Lines, labels, and what matters least.
        case faint
        /// What is not available, or stale.
        case warning
        /// What is broken.
        case damage

        /// The parameters of the escape sequence SGR.
        fileprivate var parameters: StaticString? {
            switch self {
            case .plain: nil
            case .heading: "1"
            case .name: "36"
            case .address: "34"
            case .faint: "2"
            case .warning: "33"
            case .damage: "1;31"
            }
        }
    }

    func write(_ text: String, as role: Role, to sink: inout TextSink) {
        guard usesColor, let parameters = role.parameters, !text.isEmpty else { return sink.write(text) }
        sink.write("\u{1b}[")
        sink.write(parameters)
        sink.write("m")
        sink.write(text)
        sink.write("\u{1b}[0m")
    }
}
