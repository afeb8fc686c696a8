import Handover
import KernelABI

/// The FLB records that came in, found by name.
struct FLBRecords: Sendable {
    private let byName: [KernelString: FLBState]

    init(_ records: [FLBState]) {
        // Of two records of one name the kernel's search finds the first.
        byName = Dictionary(records.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> FLBState? { byName[KernelString(name)] }
}

extension KernelString {
    /// A name as it gets into a field: silently truncated if it does not fit. Mirrors `strscpy`.
    init(_ name: String, cutTo field: CharacterField) {
        self.init(bytes: Array(name.utf8.prefix(field.count - 1)))
    }
}
