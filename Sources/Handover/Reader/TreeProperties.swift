import FDT
import KernelABI

/// Reads the properties of an FDT node as the kernel does, and reports faults.
struct TreeProperties {
    let node: FlattenedTree.Node
    /// What the FDT is, for messages.
    let structure: String
    let owner: Owner
    /// The address of the FDT in memory.
    let address: PhysicalAddress?
    /// Whether to report findings; not for a tree that no kernel wrote.
    var isReported = true

    /// Reports a finding about a property.
    private func report(
        _ cause: Finding.Cause, _ name: String, _ found: String, _ expected: String, _ log: inout ReadingLog
    ) {
        guard isReported else { return }
        log.report(cause, of: owner, at: place(of: name), found: found, expected: expected)
    }

    /// The place of a property's value; without a name, or if the node lacks it, that of the node.
    func place(of name: String? = nil) -> Place {
        // In the FDTs of subtrees, the kernel knows only the root's children.
        let path = node.structureOffset == 0 ? "" : "/" + ImageText(node.name).bare
        let offset =
            name.flatMap { node.property($0)?.valueOffset }
            ?? Int(node.tree.header.structureOffset) + node.structureOffset
        return Place(
            structure + path, field: name,
            at: address.flatMap { $0.advanced(by: UInt64(offset)) })
    }

    /// A property that is a native, and so little-endian, u64, not a cell.
    func number(_ name: String, _ log: inout ReadingLog) -> UInt64? {
        guard let property = node.property(name) else {
            report(.missing, name, "no such property", "8 bytes", &log)
            return nil
        }
        guard let value = property.u64(.littleEndian) else {
            report(.size, name, "\(property.bytes.count) bytes", "8 bytes", &log)
            return nil
        }
        return value
    }

    /// The `compatible` property; reports it if its strings do not include `expected`.
    func compatible(_ expected: String, _ log: inout ReadingLog) -> KernelString? {
        compatible(KernelString(expected), &log)
    }

    /// The `compatible` property; reports it if its strings do not include `expected`.
    ///
    /// Returns `expected` itself if it is the only string, to share storage in long lists.
    func compatible(_ expected: KernelString, _ log: inout ReadingLog) -> KernelString? {
        guard let property = node.property("compatible") else {
            report(.missing, "compatible", "no such property", expected.quoted, &log)
            return nil
        }
        if property.withBytes({ $0.isEqual(to: (expected.bytes + [0]).span.bytes) }) { return expected }
        let string = KernelString(compatibleBytes: property.bytes)
        if !node.isCompatible(with: expected.repaired) {
            report(.compatible, "compatible", string.named, expected.quoted, &log)
        }
        return string
    }
}

extension KernelString {
    /// The value of a `compatible` property, which ends with a NUL.
    init(compatibleBytes bytes: [UInt8]) {
        if bytes.last == 0, !bytes.dropLast().contains(0) {
            self.init(bytes: Array(bytes.dropLast()))
        } else {
            self.init(bytes: bytes, isTerminated: false)
        }
    }
}
