import Handover
import KernelABI

/// The incoming FLB records, by name.
struct FLBRecords: Sendable {
    private let byName: [KernelString: FLBState]

    init(_ records: [FLBState]) {
        // If two records have the same name, the kernel's search finds the first.
        byName = Dictionary(records.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> FLBState? { byName[KernelString(name)] }
}

extension KernelString {
    /// A name as stored in a field: silently truncated if it does not fit. Mirrors `strscpy`.
    init(_ name: String, cutTo field: CharacterField) {
        self.init(bytes: Array(name.utf8.prefix(field.count - 1)))
    }
}
