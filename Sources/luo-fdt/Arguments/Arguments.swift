import ArgumentParser
import KernelABI
import SystemPackage

extension FilePath: @retroactive ExpressibleByArgument {
    public init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        self.init(argument)
    }

    public static var defaultCompletionKind: CompletionKind { .file() }
}

extension PhysicalAddress: ExpressibleByArgument {
    /// Parses a number: decimal, or hexadecimal with prefix `0x`.
    public init?(argument: String) {
        let digits = argument.hasPrefix("0x") || argument.hasPrefix("0X") ? argument.dropFirst(2) : nil
        guard let value = digits.map({ UInt64($0, radix: 16) }) ?? UInt64(argument) else { return nil }
        self.init(value)
    }

    public var defaultValueDescription: String { "\(self)" }
}

extension PageSize: ExpressibleByArgument {
    /// Parses a page size: `4096`, or `4K` for short.
    public init?(argument: String) {
        let upper = argument.uppercased()
        let number = upper.hasSuffix("K") ? Int(upper.dropLast()).map { $0 &* 1024 } : Int(upper)
        guard let number else { return nil }
        self.init(rawValue: number)
    }

    public static var allValueStrings: [String] { allCases.map { String($0.bytes) } }
}

/// A kernel release such as `7.3` or `7.3.4-amd64`.
struct KernelRelease: ExpressibleByArgument {
    let name: String
    let release: Release?
    /// The generation that the release hands over; `nil` if unknown.
    let generation: Generation?

    init?(argument: String) {
        guard argument.wholeMatch(of: /[0-9]+\.[0-9]+([.+~-].*)?/) != nil else { return nil }
        name = argument
        release = Release(argument)
        generation = release.flatMap { Generation($0) }
    }

    /// The generation, if known; otherwise reports the release and throws the exit status. An unknown release is not a
    /// usage error: a later version may know it.
    @discardableResult
    func requireKnown() throws(ExitCode) -> Generation {
        if let generation { return generation }
        Diagnostics.report(
            "unknown kernel \(name); known kernels are \(Self.allValueStrings.joined(separator: ", "))")
        throw ExitCode.unreadable
    }

    static var allValueStrings: [String] { Generation.allReleases }
}
