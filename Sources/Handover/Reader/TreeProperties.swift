import FDT
import Glibc
import KernelABI

/// Reads the properties of an FDT's node as the kernel does, and says what is wrong with them.
struct TreeProperties {
    let node: FlattenedTree.Node
    /// What the FDT is, for messages.
    let structure: String
    let address: PhysicalAddress?

    private func finding(_ property: String, _ found: String, _ expected: String) -> Finding {
        let path = node.path
        return Finding(
            structure: structure + (path == "/" ? "" : path), field: property, address: address, found: found,
            expected: expected)
    }

    /// A property that is a u64, native and so little-endian, not a cell.
    func number(_ name: String, _ log: inout ReadingLog) -> UInt64? {
        guard let property = node.property(name) else {
            log.report(finding(name, "no such property", "8 bytes"))
            return nil
        }
        guard let value = property.u64(.littleEndian) else {
            log.report(finding(name, "\(property.bytes.count) bytes", "8 bytes"))
            return nil
        }
        return value
    }

    /// The `compatible` property; reported where `expected` is not among its strings.
    func compatible(_ expected: String, _ log: inout ReadingLog) -> KernelString? {
        compatible(KernelString(expected), &log)
    }

    /// The `compatible` property; reported where `expected` is not among its strings.
    ///
    /// Gives back `expected` where it is the only one: long lists repeat their strings.
    func compatible(_ expected: KernelString, _ log: inout ReadingLog) -> KernelString? {
        guard let property = node.property("compatible") else {
            log.report(finding("compatible", "no such property", "\"\(expected)\""))
            return nil
        }
        if property.withBytes({ $0.isEqual(to: expected.bytes + [0]) }) { return expected }
        let string = KernelString(compatibleBytes: property.bytes)
        if !node.isCompatible(with: expected.description) {
            log.report(finding("compatible", string.quoted, "\"\(expected)\""))
        }
        return string
    }
}

extension RawSpan {
    /// Whether the bytes are these.
    func isEqual(to bytes: [UInt8]) -> Bool {
        guard byteCount == bytes.count else { return false }
        return withUnsafeBytes { left in
            bytes.withUnsafeBytes { right in
                guard let left = left.baseAddress, let right = right.baseAddress else { return true }
                return memcmp(left, right, bytes.count) == 0
            }
        }
    }
}

extension KernelString {
    /// The value of a `compatible` property: its NUL is the string's end.
    init(compatibleBytes bytes: [UInt8]) {
        if bytes.last == 0, !bytes.dropLast().contains(0) {
            self.init(bytes: Array(bytes.dropLast()))
        } else {
            self.init(bytes: bytes, isTerminated: false)
        }
    }
}
