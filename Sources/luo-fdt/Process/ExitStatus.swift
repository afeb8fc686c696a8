import ArgumentParser
import Glibc

/// The exit status of the command.
enum ExitStatus: Int32 {
    case fine = 0
    case damaged = 1
    case unreadable = 2

    static let discussion = """
        EXIT STATUS
          0   success
          1   damaged: what can be read is shown, the rest is named on standard error
          2   an input is not a handover or cannot be read, or the output cannot be written
          64  wrong usage
        """

    /// The worse of the two.
    func worse(_ other: ExitStatus) -> ExitStatus {
        rawValue >= other.rawValue ? self : other
    }

    /// Exits with this status unless it is success.
    func end() throws {
        if self != .fine { throw ExitCode(rawValue) }
    }

    /// Exits with this status, as ``exit(_:keeping:)`` does.
    func exit<Value>(keeping value: Value) -> Never {
        Self.exit(rawValue, keeping: value)
    }

    /// Exits without releasing any memory.
    ///
    /// - Parameter value: Kept alive: freeing a handover of a million files one by one takes as long as showing it.
    static func exit<Value>(_ code: Int32, keeping value: Value) -> Never {
        _ = Unmanaged.passRetained(Kept(value))
        Glibc.exit(code)
    }
}

extension ExitCode {
    /// Ends a command that has reported why it failed.
    static let unreadable = ExitCode(ExitStatus.unreadable.rawValue)
}

/// Keeps a value alive as long as the process.
private final class Kept<Value> {
    let value: Value
    init(_ value: Value) { self.value = value }
}
