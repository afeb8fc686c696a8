/// A processor architecture that supports KHO.
public enum Machine: String, Hashable, Sendable, CaseIterable {
    case x86_64
    case aarch64
}

extension Machine {
    /// The machine for a value of `e_machine`.
    package init?(elfMachine: UInt16) {
        guard let machine = Self.allCases.first(where: { $0.elfMachine == elfMachine }) else { return nil }
        self = machine
    }

    /// `EM_X86_64` or `EM_AARCH64`.
    package var elfMachine: UInt16 {
        switch self {
        case .x86_64: 62
        case .aarch64: 183
        }
    }
}
