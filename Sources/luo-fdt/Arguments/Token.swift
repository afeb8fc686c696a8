import ArgumentParser
import Handover
import KernelABI

/// A file's token.
struct Token: ExpressibleByArgument, CustomStringConvertible {
    let value: UInt64

    init(value: UInt64) {
        self.value = value
    }

    init?(argument: String) {
        guard let address = PhysicalAddress(argument: argument) else { return nil }
        value = address.rawValue
    }

    var description: String { value.prefixedHex }
}
