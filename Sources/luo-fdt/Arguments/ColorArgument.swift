import ArgumentParser
import Glibc

/// When to colour output.
enum ColorArgument: String, ExpressibleByArgument, CaseIterable {
    case auto
    case always
    case never

    /// The style of text on `stream`.
    ///
    /// `auto` enables colours on a terminal that is not dumb, unless `NO_COLOR` is set and not empty (no-color.org).
    func style(on stream: OutputStream) -> TextStyle {
        var style = TextStyle.plain
        style.width = stream.terminalWidth
        switch self {
        case .always: style.usesColor = true
        case .never: style.usesColor = false
        case .auto:
            style.usesColor =
                stream.isTerminal && Self.environment("TERM") != "dumb"
                && Self.environment("NO_COLOR", default: "").isEmpty
        }
        return style
    }

    private static func environment(_ name: String, default value: String = "dumb") -> String {
        getenv(name).map { String(cString: $0) } ?? value
    }
}
