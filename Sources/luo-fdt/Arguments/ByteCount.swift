import ArgumentParser
import KernelABI

/// A byte count given as an argument, optionally with suffix K, M or G for binary multiples.
struct ByteCount: ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = argument.last.flatMap { units[Character($0.uppercased())] }
        guard let count = PhysicalAddress(argument: String(unit == nil ? argument[...] : argument.dropLast())) else {
            return nil
        }
        let (bytes, overflow) = count.rawValue.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflow else { return nil }
        self.bytes = bytes
    }
}
