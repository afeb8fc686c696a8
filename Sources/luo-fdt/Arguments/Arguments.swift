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
    /// A number, hexadecimal with `0x` before it.
    public init?(argument: String) {
        let digits = argument.hasPrefix("0x") || argument.hasPrefix("0X") ? argument.dropFirst(2) : nil
        guard let value = digits.map({ UInt64($0, radix: 16) }) ?? UInt64(argument) else { return nil }
        self.init(value)
    }
}

extension PageSize: ExpressibleByArgument {
    /// `4096`, or `4K` for short.
    public init?(argument: String) {
        let upper = argument.uppercased()
        let number = upper.hasSuffix("K") ? Int(upper.dropLast()).map { $0 &* 1024 } : Int(upper)
        guard let number else { return nil }
        self.init(rawValue: number)
    }

    public static var allValueStrings: [String] { allCases.map { String($0.bytes) } }
}

/// A kernel release, and with it a generation of the handover's ABI.
struct KernelRelease: ExpressibleByArgument {
    let name: String
    let generation: Generation

    init?(argument: String) {
        guard let generation = Generation(release: argument) else { return nil }
        name = argument
        self.generation = generation
    }

    static var allValueStrings: [String] { Generation.allReleases }
}
