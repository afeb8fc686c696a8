import KernelABI

/// What can be asked about a handover instead of having it shown.
enum DumpQuestion: Hashable, Sendable {
    /// What is at these addresses.
    case addresses([PhysicalAddress])
    /// Which memory is preserved.
    case preserved
}
