import Handover
import Synchronization

/// A guest's output so far, line by line.
final class Console: Sendable {
    private let said = Mutex<[String]>([])

    /// Keeps at most this many lines, so that a kernel that warns endlessly does not fill memory.
    private static let limit = 100_000

    var lines: [String] { said.withLock { $0 } }

    /// Adds a line from the serial console, without the kernel's time stamp.
    ///
    /// - Returns: The line.
    @discardableResult
    func add(_ line: String) -> String {
        let text = Self.withoutTimeStamp(line)
        said.withLock { if $0.count < Self.limit { $0.append(text) } }
        return text
    }

    /// Parses `[    0.123456] text` or `[    0.123456][    T1] text`, with or without a trailing carriage return.
    private static func withoutTimeStamp(_ line: String) -> String {
        var rest = line.drop { $0.isWhitespace }
        while rest.first == "[", let end = rest.firstIndex(of: "]"),
            rest[..<end].dropFirst().allSatisfy({ $0.isWhitespace || $0.isHexDigit || "T.C".contains($0) })
        {
            rest = rest[rest.index(after: end)...].drop { $0 == " " }
        }
        while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
        return String(rest)
    }
}

/// A report from the init: `luo-fdt: WORD NUMBER… KEY NUMBER…`.
struct InitReport: Hashable, Sendable {
    let words: [Substring]

    init?(_ line: String) {
        let prefix = "luo-fdt: "
        guard line.hasPrefix(prefix) else { return nil }
        words = line.dropFirst(prefix.count).split(separator: " ")
    }

    /// The number after a key.
    func value(of key: String, radix: Int = 16) -> UInt64? {
        guard let index = words.firstIndex(of: Substring(key)), index + 1 < words.count else { return nil }
        return UInt64(words[index + 1], radix: radix)
    }

    /// Whether the init has done everything it was asked to, except for a kexec, which does not return.
    var isLast: Bool { words.first == "done" || words.first == "kexec" && errno() == 0 }

    func errno() -> Int? { value(of: "errno", radix: 10).flatMap(Int.init(exactly:)) }
}
