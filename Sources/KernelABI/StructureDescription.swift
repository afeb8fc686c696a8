/// A kernel structure as data: its name, size and fields.
///
/// Each structure has one description. Reading, writing, the hex annotation, the `layout` table and the comparison with
/// a kernel's type information are all derived from it.
public struct StructureDescription: Sendable {
    /// The tag of the C structure.
    public var name: String { contents.name }
    /// The purpose of the structure, in a sentence.
    public var summary: String { contents.summary }
    /// The size in bytes.
    public var size: Int { contents.size }
    public var fields: [FieldDescription] { contents.fields }

    /// Stored by reference: every piece of a handover names its structure, and there can be millions.
    private let contents: Contents

    private final class Contents: Sendable {
        let name: String
        let summary: String
        let size: Int
        let fields: [FieldDescription]

        init(_ name: String, _ summary: String, _ size: Int, _ fields: [FieldDescription]) {
            self.name = name
            self.summary = summary
            self.size = size
            self.fields = fields
        }
    }

    package init(name: String, summary: String, size: Int, fields: [FieldDescription]) {
        contents = Contents(name, summary, size, fields)
    }

    /// Whether a structure that begins `base` bytes into `bytes` lies within them.
    public func fits(in bytes: RawSpan, at base: Int = 0) -> Bool {
        base >= 0 && base <= bytes.byteCount && size <= bytes.byteCount - base
    }

    public func field(named name: String) -> FieldDescription? {
        fields.first { $0.name == name }
    }

    /// The fields other than `members`.
    func fields(besides members: any StructureMember...) -> [FieldDescription] {
        fields.filter { field in !members.contains { $0.name == field.name } }
    }
}

extension StructureDescription: Hashable {
    public static func == (left: Self, right: Self) -> Bool {
        left.contents === right.contents
            || left.name == right.name && left.summary == right.summary && left.size == right.size
                && left.fields == right.fields
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(size)
    }
}

/// One field of a ``StructureDescription``.
public struct FieldDescription: Hashable, Sendable {
    public let name: String
    /// The C type of the field or, for an array, of its elements.
    public let type: String
    /// The offset in bytes from the beginning of the structure.
    public let offset: Int
    /// The size in bytes of the field (of all elements of an array, of the containing word of a bit field).
    public let size: Int
    /// The number of elements of an array, or `nil`.
    public let count: Int?
    /// The bits of a bit field in the word at ``offset``, or `nil`; bit 0 is the least significant.
    public let bits: Range<Int>?
    public let meaning: Meaning
    /// The structure of the field, or of each element; `nil` for scalars.
    public let nested: Nested?
    public let summary: String

    package init(
        name: String, type: String, offset: Int, size: Int, count: Int?, bits: Range<Int>?, meaning: Meaning,
        nested: Nested?, summary: String
    ) {
        self.name = name
        self.type = type
        self.offset = offset
        self.size = size
        self.count = count
        self.bits = bits
        self.meaning = meaning
        self.nested = nested
        self.summary = summary
    }

    /// The position of the field, in bits from the beginning of the structure.
    package var bitRange: Range<Int> {
        let start = offset * 8 + (bits?.lowerBound ?? 0)
        return start..<start + (bits?.count ?? size * 8)
    }

    /// The meaning of a field's value; determines how it is shown.
    public enum Meaning: Hashable, Sendable {
        /// A plain number.
        case number
        /// A signed number.
        case signed
        /// A number of elements.
        case count
        /// A number of bytes.
        case byteCount
        /// The physical address of the structure with this name, 0 for none.
        case address(of: String)
        /// A value that only its owner can interpret.
        case handle
        /// A NUL-terminated string.
        case string
        /// A set of bits: the name of each bit at its index.
        case flags([String])
        /// A bitmap.
        case bitmap
        /// A member that has fields.
        case structure
        /// Bytes without a known structure.
        case opaque
    }

    /// A boxed description: a structure within a structure.
    public indirect enum Nested: Hashable, Sendable {
        case structure(StructureDescription)

        public var description: StructureDescription {
            switch self {
            case .structure(let description): description
            }
        }
    }
}

/// A kernel structure with typed fields.
///
/// A conforming type declares its fields with a ``StructureBuilder``, which computes the offsets.
public protocol KernelStructure: Sendable {
    var structure: StructureDescription { get }
}

/// A structure of LUO whose form depends on the ``Generation``: kernels add fields, and widen them.
public protocol RecordLayout: KernelStructure {
    /// The fields without a meaning to this package. They are shown, kept and written using only their descriptions.
    var further: [FieldDescription] { get }
}

/// Collects the fields of a structure in order and lays them out as a C compiler does.
public struct StructureBuilder {
    private let name: String
    private let summary: String
    private let isPacked: Bool
    private var size = 0
    private var alignment = 1
    private var fields: [FieldDescription] = []

    /// - Parameters:
    ///   - name: The tag of the C structure.
    ///   - packed: Whether it is declared `__packed`, without padding.
    package init(_ name: String, packed: Bool = false, _ summary: String) {
        self.name = name
        self.isPacked = packed
        self.summary = summary
    }

    private mutating func add(
        _ name: String, type: String, size fieldSize: Int, alignment fieldAlignment: Int, count: Int? = nil,
        meaning: FieldDescription.Meaning, nested: StructureDescription? = nil, _ summary: String
    ) -> Int {
        let needed = isPacked ? 1 : fieldAlignment
        let offset = (size + needed - 1) / needed * needed
        fields.append(
            FieldDescription(
                name: name, type: type, offset: offset, size: fieldSize, count: count, bits: nil, meaning: meaning,
                nested: nested.map(FieldDescription.Nested.structure), summary: summary))
        size = offset + fieldSize
        alignment = max(alignment, needed)
        return offset
    }

    mutating func number<Value: FixedWidthInteger & Sendable>(
        _ name: String, _ type: Value.Type, _ meaning: FieldDescription.Meaning = .number, _ summary: String
    ) -> Field<Value> {
        let size = MemoryLayout<Value>.size
        let offset = add(
            name, type: "u\(size * 8)", size: size, alignment: size, meaning: meaning, summary)
        return Field(name: name, offset: offset)
    }

    mutating func address(_ name: String, of target: String, _ summary: String) -> Field<PhysicalAddress> {
        Field(
            name: name,
            offset: add(name, type: "u64", size: 8, alignment: 8, meaning: .address(of: target), summary))
    }

    mutating func characters(_ name: String, count: Int, _ summary: String) -> CharacterField {
        let offset = add(
            name, type: "char", size: count, alignment: 1, count: count, meaning: .string, summary)
        return CharacterField(name: name, offset: offset, count: count)
    }

    /// Adds a 64-bit word of bit fields, starting with the least significant.
    mutating func bitFields(
        _ members: [(name: String, width: Int, meaning: FieldDescription.Meaning, summary: String)]
    ) -> [BitField] {
        let offset = size
        var bit = 0
        var result: [BitField] = []
        for member in members {
            let bits = bit..<(bit + member.width)
            fields.append(
                FieldDescription(
                    name: member.name, type: "u64", offset: offset, size: 8, count: nil, bits: bits,
                    meaning: member.meaning, nested: nil, summary: member.summary))
            result.append(BitField(name: member.name, offset: offset, bits: bits))
            bit = bits.upperBound
        }
        size = offset + 8
        alignment = max(alignment, isPacked ? 1 : 8)
        return result
    }

    mutating func nested<Structure: KernelStructure>(
        _ name: String, _ layout: Structure, _ summary: String
    ) -> NestedField<Structure> {
        let inner = layout.structure
        let offset = add(
            name, type: "struct \(inner.name)", size: inner.size, alignment: 8, meaning: .structure, nested: inner,
            summary)
        return NestedField(name: name, offset: offset, layout: layout)
    }

    mutating func words(
        _ name: String, count: Int, _ meaning: FieldDescription.Meaning, _ summary: String
    ) -> ArrayField<UInt64> {
        let offset = add(name, type: "u64", size: 8 * count, alignment: 8, count: count, meaning: meaning, summary)
        return ArrayField(name: name, offset: offset, count: count, stride: 8)
    }

    mutating func addresses(
        _ name: String, count: Int, of target: String, _ summary: String
    ) -> ArrayField<PhysicalAddress> {
        let words = words(name, count: count, .address(of: target), summary)
        return ArrayField(name: words.name, offset: words.offset, count: words.count, stride: words.stride)
    }

    mutating func structures<Structure: KernelStructure>(
        _ name: String, count: Int, _ layout: Structure, _ summary: String
    ) -> StructureArrayField<Structure> {
        let inner = layout.structure
        let offset = add(
            name, type: "struct \(inner.name)", size: inner.size * count, alignment: 8, count: count,
            meaning: .structure, nested: inner, summary)
        return StructureArrayField(name: name, offset: offset, count: count, layout: layout)
    }

    /// Adds a flexible array member, which takes no space in the structure.
    mutating func flexible(_ name: String, type: String, _ summary: String) -> Int {
        add(name, type: type, size: 0, alignment: 1, count: 0, meaning: .opaque, summary)
    }

    package func finish() -> StructureDescription {
        StructureDescription(
            name: name, summary: summary, size: (size + alignment - 1) / alignment * alignment, fields: fields)
    }
}
