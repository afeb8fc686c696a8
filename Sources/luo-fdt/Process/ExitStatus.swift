import ArgumentParser
import Glibc

/// How the command ends.
enum ExitStatus: Int32 {
    case fine = 0
    case damaged = 1
    case unreadable = 2

    static let discussion = """
        EXIT STATUS
          0   all is well
          1   damaged: what can be read is shown, the rest is named on standard error
          2   an input is not a handover or cannot be read, or the output cannot be written
          64  wrong usage
        """

    /// The worse of the two.
    func worse(_ other: ExitStatus) -> ExitStatus {
        rawValue >= other.rawValue ? self : other
    }

    /// Ends the command with this status where that is not fine.
    func end() throws {
        if self != .fine { throw ExitCode(rawValue) }
    }

    /// Ends the process with this status, as ``exit(_:keeping:)`` does.
    func exit<Value>(keeping value: Value) -> Never {
        Self.exit(rawValue, keeping: value)
    }

    /// Ends the process, and takes nothing down before.
    ///
    /// - Parameter value: what is not to be freed: to free a handover of a million files, one by one, takes as long as
    ///   to show it, and the process goes as a whole.
    static func exit<Value>(_ code: Int32, keeping value: Value) -> Never {
        _ = Unmanaged.passRetained(Kept(value))
        Glibc.exit(code)
    }
}

extension ExitCode {
    /// What ends a command that has said why it cannot go on.
    static let unreadable = ExitCode(ExitStatus.unreadable.rawValue)
}

/// Something that stays as long as the process.
private final class Kept<Value> {
    let value: Value
    init(_ value: Value) { self.value = value }
}
