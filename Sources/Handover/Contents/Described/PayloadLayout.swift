import KernelABI

/// A structure of a described payload: the meaning of its bytes, and the targets of its fields.
final class PayloadLayout: KernelStructure {
    let structure: StructureDescription
    let members: [Member]
    /// The fields that refer to memory, including those of nested structures, in member order.
    let sites: [Site]
    /// In bytes, a power of two.
    let alignment: Int
    /// For each byte, the bits covered by fields; `nil` if fields cover everything.
    private let said: [UInt8]?
    /// The text fields: documents do not represent the bytes after their NUL.
    private let texts: [Range<Int>]

    /// One field.
    struct Member: Sendable {
        var name: String
        /// In bytes from the beginning of the structure.
        var offset: Int
        var type: FieldType
        var meaning: KindMeaning
        /// Whether the number is signed.
        var isSigned = false
        /// The index of the first of its sites in ``PayloadLayout/sites``.
        var firstSite: Int
        /// What it counts: the records of a site, or those in which a field is nonzero.
        var counted: (site: Int, nonzero: String?)?
    }

    enum FieldType: Sendable {
        /// A little-endian number with this many bytes.
        case number(Int)
        /// Bits of a little-endian number with this many bytes.
        case bits(Range<Int>, of: Int)
        /// A NUL-terminated string.
        case characters(Int)
        /// Bytes without a known meaning.
        case bytes(Int)
        case numbers(width: Int, count: Int)
        case structure(PayloadLayout)
        case structures(PayloadLayout, count: Int)
        /// A `struct kho_vmalloc`.
        case area
        /// No bytes of its own: the records after the structure.
        case flexible

        /// In bytes; for a bit field, that of its word.
        fileprivate var byteCount: Int {
            switch self {
            case .number(let width), .bits(_, let width): width
            case .characters(let count), .bytes(let count): count
            case .numbers(let width, let count): width * count
            case .structure(let layout): layout.size
            case .structures(let layout, let count): layout.size * count
            case .area: VmallocLayout.layout.structure.size
            case .flexible: 0
            }
        }
    }

    /// A field that refers to memory.
    struct Site: Sendable {
        var offset: Int
        var link: PayloadLink
        /// The field with the number of records, if there is one.
        var count: (offset: Int, width: Int)?
        /// The path of the field from the structure, for messages.
        var path: String
    }

    init(structure: StructureDescription, members: [Member], sites: [Site], alignment: Int) {
        self.structure = structure
        self.members = members
        self.sites = sites
        self.alignment = alignment
        var said = [UInt8](repeating: 0, count: structure.size)
        var texts: [Range<Int>] = []
        for member in members {
            switch member.type {
            case .bits(let bits, _): for bit in bits { said[member.offset + bit / 8] |= 1 << (bit % 8) }
            case .structure, .structures:
                guard let (layout, count) = member.nested else { continue }
                for base in stride(from: member.offset, to: member.offset + count * layout.size, by: layout.size) {
                    for index in 0..<layout.size { said[base + index] |= layout.said?[index] ?? 0xff }
                    texts += layout.texts.map { base + $0.lowerBound..<base + $0.upperBound }
                }
            default:
                let range = member.offset..<member.offset + member.type.byteCount
                for index in range { said[index] = 0xff }
                if case .characters = member.type { texts.append(range) }
            }
        }
        self.said = said.allSatisfy { $0 == 0xff } ? nil : said
        self.texts = texts
    }

    /// Zeroes the bytes of the record at `base` that a document does not represent.
    func forgetUnsaid(_ bytes: inout [UInt8], at base: Int) {
        for (index, mask) in (said ?? []).enumerated() where mask != 0xff { bytes[base + index] &= mask }
        for text in texts {
            guard let end = text.first(where: { bytes[base + $0] == 0 }) else { continue }
            for index in end..<text.upperBound { bytes[base + index] = 0 }
        }
    }

    /// Whether a document represents every byte.
    var isSaidWhole: Bool { said == nil && texts.isEmpty }

    var name: String { structure.name }
    var size: Int { structure.size }

    func member(named name: String) -> Member? { members.first { $0.name == name } }

    /// The index of the site of the field at a path.
    func site(at path: String) -> Int? { sites.firstIndex { $0.path == path } }

    /// The link of the field itself, and the index of its site.
    func link(of member: Member) -> (site: Int, link: PayloadLink)? {
        guard sites.indices.contains(member.firstSite), sites[member.firstSite].path == member.name else { return nil }
        return (member.firstSite, sites[member.firstSite].link)
    }

    /// The records after the structure, if it ends in a flexible array.
    var flexibleSite: Int? {
        sites.firstIndex { if case .flexible = $0.link { true } else { false } }
    }
}

extension PayloadLayout.Member {
    /// The number in the record that begins `base` bytes into `bytes`; `nil` if the field is not a number.
    func number(_ bytes: RawSpan, at base: Int) -> UInt64? {
        switch type {
        case .number(let width): bytes.number(at: base + offset, width: width)
        case .bits(let bits, let width):
            bytes.number(at: base + offset, width: width) >> UInt64(bits.lowerBound) & Self.mask(bits)
        default: nil
        }
    }

    /// A value of the field as a signed number.
    func signed(_ value: UInt64) -> Int64 {
        let unused = UInt64(limit.leadingZeroBitCount)
        return Int64(bitPattern: value << unused) >> Int64(unused)
    }

    /// The raw field value for a signed number; `nil` if it does not fit.
    func unsigned(_ value: Int64) -> UInt64? {
        let word = UInt64(bitPattern: value) & limit
        return signed(word) == value ? word : nil
    }

    /// Stores a number in the record; `false` if it does not fit, or if the field is not a number.
    func setNumber(_ value: UInt64, in bytes: inout [UInt8], at base: Int) -> Bool {
        switch type {
        case .number(let width):
            guard width == 8 || value >> UInt64(8 * width) == 0 else { return false }
            bytes.setNumber(value, at: base + offset, width: width)
        case .bits(let bits, let width):
            guard value & ~Self.mask(bits) == 0 else { return false }
            let word = bytes.span.bytes.number(at: base + offset, width: width)
            let shift = UInt64(bits.lowerBound)
            bytes.setNumber(word & ~(Self.mask(bits) << shift) | value << shift, at: base + offset, width: width)
        default: return false
        }
        return true
    }

    /// The largest number that fits into the field or an element of it; 0 if it is not a number.
    var limit: UInt64 {
        switch type {
        case .number(let width), .numbers(let width, _): .max >> UInt64(64 - 8 * width)
        case .bits(let bits, _): Self.mask(bits)
        default: 0
        }
    }

    private static func mask(_ bits: Range<Int>) -> UInt64 { .max >> UInt64(64 - bits.count) }
}

extension RawSpan {
    /// The little-endian number of `width` bytes at `offset`, which must be in bounds.
    func number(at offset: Int, width: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in (0..<width).reversed() {
            value = value << 8 | UInt64(unsafeLoad(fromByteOffset: offset + index, as: UInt8.self))
        }
        return value
    }
}

extension [UInt8] {
    /// Stores a little-endian number of `width` bytes at `offset`, which must be in bounds.
    mutating func setNumber(_ value: UInt64, at offset: Int, width: Int) {
        for index in 0..<width { self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index)) }
    }
}
