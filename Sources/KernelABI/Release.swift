/// A kernel release such as `6.19.9`, or a whole series such as `6.19`, without a patch level.
///
/// Releases are ordered as they follow each other within mainline and within a series. A series sorts as its first
/// release, and a release candidate before its release.
public struct Release: Hashable, Sendable {
    public let major: Int
    public let minor: Int
    /// The patch level; `nil` for any release of the series.
    public let patch: Int?
    /// The number of a release candidate, such as the 3 of `7.4-rc3`; `nil` for a release.
    public let candidate: Int?

    public init(_ major: Int, _ minor: Int, _ patch: Int? = nil, candidate: Int? = nil) {
        self.major = major
        self.minor = minor
        self.patch = patch
        self.candidate = candidate
    }

    /// Parses the output of `uname -r`, or the name of a series: `7.3`, `7.3.4`, `7.4-rc2`, `6.19.6+deb14-amd64`.
    ///
    /// Ignores distribution suffixes.
    public init?(_ text: some StringProtocol) {
        let version = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        let suffix = text.dropFirst(version.count)
        let numbers = version.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard (2...3).contains(numbers.count), let major = numbers[0], let minor = numbers[1],
            numbers.count == 2 || numbers[2] != nil, suffix.isEmpty || "-+~".contains(suffix.first ?? " ")
        else { return nil }
        let candidate = suffix.hasPrefix("-rc") ? Int(suffix.dropFirst(3).prefix { ("0"..."9").contains($0) }) : nil
        self.init(major, minor, numbers.count == 3 ? numbers[2] : nil, candidate: candidate)
    }

    /// Whether both are in the same series, as `6.19.3` and `6.19` are.
    public func isInSeries(of other: Release) -> Bool {
        major == other.major && minor == other.minor
    }
}

extension Release: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        left.order.lexicographicallyPrecedes(right.order)
    }

    private var order: [Int] { [major, minor, patch ?? 0, candidate ?? .max] }
}

extension Release: CustomStringConvertible {
    /// For example `6.19.9`, `7.3`, `7.4-rc2`.
    public var description: String {
        "\(major).\(minor)" + (patch.map { ".\($0)" } ?? "") + (candidate.map { "-rc\($0)" } ?? "")
    }
}
