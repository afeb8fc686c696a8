/// Text style: whether to use colours, and the width.
struct TextStyle: Hashable, Sendable {
    /// Whether the output is a terminal that supports colours.
    var usesColor = false
    /// The terminal width in columns, if there is a terminal; longer lines are folded.
    var width: Int?

    /// For files and pipes.
    static let plain = TextStyle()

    /// The role of a piece of text, which determines its colour.
    enum Role: Hashable, Sendable {
        case plain
        /// A heading.
        case heading
        /// The name of something.
        case name
        case address
        /// Lines, labels, and less important text.
        case faint
        /// Unavailable or stale data.
        case warning
        /// Damaged data.
        case damage

        /// The parameters of the SGR escape sequence.
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
