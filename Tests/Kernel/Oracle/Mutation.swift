import Handover
import KernelABI
import TestSupport

/// A valid handover, and what can be changed in it.
struct MutationBase: Sendable {
    var name: String
    var memory: any PhysicalMemory
    var root: PhysicalAddress
    var state: HandoverState
    /// The pieces that describe the handover.
    var extents: [Extent]
    /// The fields of all its structures, and the words of its trees.
    var places: [Place]

    /// A field, or a word of a tree.
    struct Place: Sendable {
        var address: PhysicalAddress
        var count: Int
        var meaning: FieldDescription.Meaning
        var bits: Range<Int>?
        /// Its name in messages.
        var name: String
    }

    init?(_ subject: CheckSubject, name: String) {
        guard let root = subject.rootAddress, let reading = subject.reading else { return nil }
        self.name = name
        self.root = root
        memory = subject.memory
        state = reading.state
        extents = reading.extents.filter(\.role.isMetadata)
        places = []
        for extent in extents { places += Self.places(of: extent) }
    }

    private static func places(of extent: Extent) -> [Place] {
        switch extent.form {
        case .tree:
            return stride(from: 0, to: extent.byteCount, by: 4).map { offset in
                Place(
                    address: extent.address.moved(offset), count: 4, meaning: .opaque, bits: nil,
                    name: "\(extent.role.name) FDT of \(extent.owner) +\(offset)")
            }
        case .structure(let structure):
            return fields(of: structure, at: extent.address)
        case .records(let header, let record, let count):
            let first = header?.size ?? 0
            return (header.map { fields(of: $0, at: extent.address) } ?? [])
                + (0..<count).flatMap { fields(of: record, at: extent.address.moved(first + $0 * record.size)) }
        case .slice, .opaque:
            return []
        }
    }

    /// Only the first elements of long arrays, which are mostly empty.
    private static let mostElements = 64

    private static func fields(of structure: StructureDescription, at address: PhysicalAddress) -> [Place] {
        structure.fields.flatMap { field -> [Place] in
            let start = address.moved(field.offset)
            let name = "\(structure.name).\(field.name)"
            if field.size == 0 { return [] }
            if let inner = field.nested?.description {
                let count = min(field.size / inner.size, mostElements)
                return (0..<count).flatMap { fields(of: inner, at: start.moved($0 * inner.size)) }
            }
            guard let count = field.count, field.meaning != .string else {
                return [Place(address: start, count: field.size, meaning: field.meaning, bits: field.bits, name: name)]
            }
            let size = field.size / count
            return (0..<min(count, mostElements)).map { index in
                Place(
                    address: start.moved(index * size), count: size, meaning: field.meaning, bits: nil,
                    name: "\(name)[\(index)]")
            }
        }
    }
}

/// A change to a handover, determined by a seed.
struct Mutation {
    /// What is changed, in short.
    private(set) var summary = ""
    private(set) var memory: SparseMemory
    private var random: SplitMix64
    private let base: MutationBase

    /// - Returns: `nil` if the mutation changes nothing.
    init?(of base: MutationBase, seed: UInt64) {
        self.base = base
        random = SplitMix64(seed: seed)
        memory = SparseMemory(pageSize: 4096)
        guard !base.places.isEmpty else { return nil }
        let isChanged = Int.random(in: 0..<4, using: &random) == 0 ? changeStructure() : changeField()
        if !isChanged { return nil }
    }

    // MARK: Fields

    private mutating func changeField() -> Bool {
        // All extents are equally likely, and so are all owners of a field; otherwise nearly all changes would affect
        // bitmaps.
        guard let extent = base.extents.randomElement(using: &random) else { return false }
        let places = base.places.filter { extent.range.contains($0.address) }
        guard let place = places.randomElement(using: &random), let old = bytes(at: place.address, place.count) else {
            return false
        }
        var new = old
        switch place.meaning {
        case .string: changeString(&new)
        case .opaque, .bitmap: changeBytes(&new)
        default: changeNumber(&new, place, extent)
        }
        summary = "\(place.name): \(Self.text(old)) becomes \(Self.text(new))"
        return write(new, over: old, at: place.address)
    }

    private mutating func changeString(_ bytes: inout [UInt8]) {
        let length = bytes.firstIndex(of: 0) ?? bytes.count
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes = [UInt8](repeating: 0x41, count: bytes.count)
        case 1: bytes[0] = 0
        case 2: bytes[Int.random(in: 0..<max(1, length), using: &random)] ^= 0x20
        case 3: if length < bytes.count { bytes[length] = 0x78 }
        default: bytes[bytes.count - 1] = 0x78
        }
    }

    private mutating func changeBytes(_ bytes: inout [UInt8]) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes = [UInt8](repeating: 0, count: bytes.count)
        case 1: bytes[index] = UInt8.random(in: 0...255, using: &random)
        default: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
    }

    /// Numbers at which something is full, empty, or too large.
    private static let numbers: [UInt64] = [
        0, 1, 2, 51, 52, 63, 64, 128, 129, 511, 512, 819, 820, 4095, 4096, 10_000, 1 << 31, 1 << 32, 1 << 51, 1 << 52,
        1 << 63,
        .max,
    ]

    private mutating func changeNumber(_ bytes: inout [UInt8], _ place: MutationBase.Place, _ extent: Extent) {
        let word = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let bits = place.bits ?? 0..<bytes.count * 8
        let mask = UInt64.max >> UInt64(64 - bits.count)
        let old = word >> UInt64(bits.lowerBound) & mask
        var choices = [old &+ 1, old &- 1, old ^ (1 << UInt64.random(in: 0..<UInt64(bits.count), using: &random))]
        if case .address = place.meaning {
            let other = base.extents.randomElement(using: &random)?.address.rawValue ?? 0
            choices += [0, other, extent.address.rawValue, old &+ 8, old &+ 4096, 0x7f_0000_0000, 1 << 52]
        } else {
            choices += [Self.numbers.randomElement(using: &random) ?? 0, old &* 2]
        }
        let new = (choices.randomElement(using: &random) ?? 0) & mask
        let changed = word & ~(mask << UInt64(bits.lowerBound)) | new << UInt64(bits.lowerBound)
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: changed >> UInt64(8 * index)) }
    }

    // MARK: Structures

    private mutating func changeStructure() -> Bool {
        guard let extent = base.extents.randomElement(using: &random) else { return false }
        let count = min(extent.byteCount, 4096)
        guard let old = bytes(at: extent.address, count) else { return false }
        let name = "\(extent.role.name) of \(extent.owner) at \(extent.address)"
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            summary = "\(name): zeros"
            return write([UInt8](repeating: 0, count: count), over: old, at: extent.address)
        case 1:
            guard let other = base.extents.randomElement(using: &random), let new = bytes(at: other.address, count)
            else {
                return false
            }
            summary = "\(name): a copy of \(other.role.name) at \(other.address)"
            return write(new, over: old, at: extent.address)
        case 2:
            guard case .records(let header, let record, let records) = extent.form, records > 1 else { return false }
            let first = header?.size ?? 0
            let (from, to) = (Int.random(in: 0..<records, using: &random), Int.random(in: 0..<records, using: &random))
            var new = old
            guard first + records * record.size <= old.count else { return false }
            new.replaceSubrange(
                first + to * record.size..<first + (to + 1) * record.size,
                with: old[first + from * record.size..<first + (from + 1) * record.size])
            summary = "\(name): record \(to) becomes a copy of record \(from)"
            return write(new, over: old, at: extent.address)
        default:
            let half = count / 2 / 8 * 8
            summary = "\(name): zeros from its middle on"
            return write(
                Array(old[..<half]) + [UInt8](repeating: 0, count: count - half), over: old, at: extent.address)
        }
    }

    // MARK: Bytes

    private func bytes(at address: PhysicalAddress, _ count: Int) -> [UInt8]? {
        try? base.memory.withBytes(at: address, count: count) { bytes in
            (0..<count).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
    }

    /// Writes into copies of the pages.
    private mutating func write(_ new: [UInt8], over old: [UInt8], at address: PhysicalAddress) -> Bool {
        guard new != old else { return false }
        var page = PhysicalAddress(address.rawValue & ~4095)
        while page.rawValue < address.rawValue + UInt64(new.count) {
            guard let bytes = bytes(at: page, 4096), (try? memory.write(bytes, at: page)) != nil else { return false }
            page = page.moved(4096)
        }
        return (try? memory.write(new, at: address)) != nil
    }

    private static func text(_ bytes: [UInt8]) -> String {
        if bytes.count > 8 {
            return "\"" + String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                + (bytes.contains(0) ? "\"" : "\" without NUL")
        }
        return "0x" + String(bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 16)
    }
}

extension PhysicalAddress {
    fileprivate func moved(_ count: Int) -> PhysicalAddress { PhysicalAddress(rawValue &+ UInt64(count)) }
}
