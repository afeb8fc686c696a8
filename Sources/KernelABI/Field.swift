/// A member of a kernel structure: its name and offset.
public protocol StructureMember: Sendable {
    /// The member's name in the kernel's structure.
    var name: String { get }
    /// The offset of its first byte (for a bit field, of its word) from the beginning of the structure, in bytes.
    var offset: Int { get }
}

extension Field: StructureMember {}
extension BitField: StructureMember {}
extension CharacterField: StructureMember {}
extension NestedField: StructureMember {}
extension ArrayField: StructureMember {}
extension StructureArrayField: StructureMember {}

/// One scalar field of a kernel structure: its offset and encoding.
///
/// Values are little-endian, as on every machine that supports KHO.
public struct Field<Value: Sendable>: Sendable {
    /// The field's name in the kernel's structure.
    public let name: String
    /// The offset of the field's first byte from the beginning of the structure, in bytes.
    public let offset: Int

    @usableFromInline
    init(name: String, offset: Int) {
        self.name = name
        self.offset = offset
    }
}

extension Field where Value: FixedWidthInteger & BitwiseCopyable {
    /// Reads the field of the structure that begins `base` bytes into `bytes`.
    ///
    /// The structure must fit: ``StructureDescription/fits(in:at:)``.
    @inlinable
    public func read(_ bytes: RawSpan, at base: Int = 0) -> Value {
        Value(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: base + offset, as: Value.self))
    }

    /// Writes the field of the structure that begins `base` bytes into `bytes`.
    @inlinable
    public func write(_ value: Value, to bytes: inout [UInt8], at base: Int = 0) {
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        raw.storeBytes(of: value.littleEndian, toByteOffset: base + offset, as: Value.self)
    }
}

extension Field where Value == PhysicalAddress {
    /// Reads the field of the structure at `base` as an address.
    @inlinable
    public func read(_ bytes: RawSpan, at base: Int = 0) -> PhysicalAddress {
        PhysicalAddress(
            UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: base + offset, as: UInt64.self)))
    }

    /// Writes an address into the field of the structure at `base`.
    @inlinable
    public func write(_ value: PhysicalAddress, to bytes: inout [UInt8], at base: Int = 0) {
        Field<UInt64>(name: name, offset: offset).write(value.rawValue, to: &bytes, at: base)
    }
}

/// A bit field in a 64-bit word of a kernel structure.
public struct BitField: Sendable {
    public let name: String
    /// The offset of the 64-bit word, in bytes.
    public let offset: Int
    /// The bits of the word; bit 0 is the least significant.
    public let bits: Range<Int>

    /// The word itself.
    @inlinable
    public var word: Field<UInt64> { Field(name: name, offset: offset) }

    /// The largest value that fits.
    @inlinable
    public var limit: UInt64 { UInt64.max >> UInt64(64 - bits.count) }

    @inlinable
    public func extract(from word: UInt64) -> UInt64 {
        (word >> UInt64(bits.lowerBound)) & limit
    }

    @inlinable
    public func insert(_ value: UInt64, into word: inout UInt64) {
        let mask = limit << UInt64(bits.lowerBound)
        word = (word & ~mask) | ((value << UInt64(bits.lowerBound)) & mask)
    }
}

/// A `char` array of fixed size that holds a NUL-terminated string.
public struct CharacterField: Sendable {
    public let name: String
    public let offset: Int
    /// The size of the array in bytes, including the NUL.
    public let count: Int

    package init(name: String, offset: Int, count: Int) {
        self.name = name
        self.offset = offset
        self.count = count
    }
}

/// A structure that is a member of another structure.
public struct NestedField<Structure: Sendable>: Sendable {
    public let name: String
    public let offset: Int
    public let layout: Structure
}

/// An array of scalars in, or at the end of, a kernel structure.
public struct ArrayField<Value: Sendable>: Sendable {
    public let name: String
    public let offset: Int
    public let count: Int
    public let stride: Int

    /// The element at `index` as a field.
    @inlinable
    public subscript(index: Int) -> Field<Value> {
        Field(name: name, offset: offset + index * stride)
    }
}

extension ArrayField where Value: FixedWidthInteger & BitwiseCopyable {
    /// Reads the element at `index` of the structure that begins `base` bytes into `bytes`.
    @inlinable
    public func read(_ index: Int, of bytes: RawSpan, at base: Int = 0) -> Value {
        Value(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: base + offset + index * stride, as: Value.self))
    }
}

extension ArrayField where Value == PhysicalAddress {
    /// Reads the element at `index` of the structure that begins `base` bytes into `bytes`.
    @inlinable
    public func read(_ index: Int, of bytes: RawSpan, at base: Int = 0) -> PhysicalAddress {
        PhysicalAddress(
            UInt64(
                littleEndian: bytes.unsafeLoadUnaligned(
                    fromByteOffset: base + offset + index * stride, as: UInt64.self)))
    }
}

/// An array of structures in a kernel structure.
public struct StructureArrayField<Structure: Sendable>: Sendable {
    public let name: String
    public let offset: Int
    public let count: Int
    public let layout: Structure

    /// The offset of the element at `index`, in bytes from the beginning of the outer structure.
    @inlinable
    public func offset(of index: Int) -> Int where Structure: KernelStructure { offset + index * layout.structure.size }
}
