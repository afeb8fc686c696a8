import FDT
import KernelABI

/// Decides which memory may leave the host as the description of a handover, without what is handed over.
///
/// A damaged pointer may lead anywhere, including guest memory. So a piece of memory counts as description only if
/// - it is not the contents of a file or region;
/// - it is preserved, or, for the map of preserved memory itself, is not;
/// - every field has a value that is possible for its kind, and everything after the structures is zero.
struct Disclosure {
    private let memory: any PhysicalMemory
    private let pageSize: PageSize
    private let contents: [Range<PhysicalAddress>]
    /// The preserved memory, if the whole map is known.
    private let preserved: [Range<PhysicalAddress>]?
    /// The memory of the map, and the memory that each of its bitmaps marks.
    private let map: [Range<PhysicalAddress>]
    private let marked: [PhysicalAddress: [Range<PhysicalAddress>]]

    /// - Parameter reading: The result of reading. If it leaves the page size open, contents with any of the sizes
    ///   count as contents, and it is unknown which memory is preserved.
    /// - Parameter found: Further results of a search; no map tells whether they are preserved.
    init(of reading: Reading, in memory: any PhysicalMemory, found: [Reading] = []) {
        self.memory = memory
        pageSize = reading.state.statedPageSize
        let readings = [reading] + reading.alternatives + found
        contents = readings.flatMap(\.state.contentsExtents).pages(of: pageSize)
        let state = reading.alternatives.isEmpty && found.isEmpty ? reading.state.preserved : nil
        preserved = state?.map == nil || reading.isMapIncomplete ? nil : state?.ranges
        map = readings.flatMap(\.extents).filter { !$0.role.isPreserved }.pages(of: pageSize)
        marked = state?.marked(pageSize: pageSize) ?? [:]
    }

    /// The reason why the extent is not disclosed; `nil` if it is.
    func objection(to extent: Extent) -> String? {
        let pages = extent.range.pages(of: pageSize)
        if !pages.pieces(in: contents).isEmpty { return "it is handed over as contents" }
        if let preserved, extent.role.isPreserved, pages.pieces(in: preserved) != [pages] {
            return "it is not preserved"
        }
        if let preserved, !extent.role.isPreserved, !pages.pieces(in: preserved).isEmpty {
            return "it is preserved, but the map of preserved memory never is"
        }
        if let marked = marked[extent.address], marked.contains(where: { !$0.pieces(in: map).isEmpty }) {
            return "it marks the map of preserved memory as preserved"
        }
        do throws(MemoryError) {
            return try memory.withBytes(at: extent.address, count: extent.byteCount) { extent.form.objection(to: $0) }
        } catch {
            return "part of it cannot be read"
        }
    }
}

extension Extent.Form {
    /// The reason why bytes do not have this form; `nil` if they may.
    fileprivate func objection(to bytes: RawSpan) -> String? {
        switch self {
        case .opaque: return "its format is unknown"
        case .slice(let record, let start, let count):
            // Records that begin or end in another page are not complete here.
            var place = (record.size - start % record.size) % record.size
            while place + record.size <= count, record.fits(in: bytes, at: place) {
                if let objection = record.objection(to: bytes, at: place) { return objection }
                place += record.size
            }
            return Self.objection(toRest: bytes, from: count)
        case .tree:
            do throws(FDTError) {
                _ = try FlattenedTree(bytes: bytes)
                return nil
            } catch {
                return "\(error)"
            }
        case .structure(let structure):
            return structure.objection(to: bytes, at: 0) ?? Self.objection(toRest: bytes, from: structure.size)
        case .records(let header, let record, _):
            var place = 0
            if let header {
                if let objection = header.objection(to: bytes, at: 0) { return objection }
                place = header.size
            }
            // Also check what follows the counted records: it must be zero, or valid records.
            while record.fits(in: bytes, at: place) {
                if let objection = record.objection(to: bytes, at: place) { return objection }
                place += record.size
            }
            return Self.objection(toRest: bytes, from: place)
        }
    }

    private static func objection(toRest bytes: RawSpan, from place: Int) -> String? {
        guard place < bytes.byteCount, bytes.extracting(place..<bytes.byteCount).firstNonzeroByte != nil else {
            return nil
        }
        return "it has data after its structures"
    }
}

extension StructureDescription {
    /// The field of the structure at `base` with an impossible value, in words; `nil` if there is none.
    fileprivate func objection(to bytes: RawSpan, at base: Int) -> String? {
        guard fits(in: bytes, at: base) else { return "\(name) is truncated" }
        if bytes.extracting(base..<base + size).firstNonzeroByte == nil { return nil }
        for field in fields where !field.isPlausible(in: bytes, at: base) {
            return "\(name).\(field.name) has an impossible value"
        }
        return nil
    }
}

extension FieldDescription {
    /// Exceeds any valid count, but not eight bytes of text.
    private static let largestCount: UInt64 = 1 << 40
    private static let largestSize: UInt64 = 1 << 53

    /// Whether the field of the structure at `base` has a value that is possible for its meaning.
    fileprivate func isPlausible(in bytes: RawSpan, at base: Int) -> Bool {
        let place = base + offset
        switch meaning {
        case .string:
            let text = bytes.extracting(place..<place + size)
            let length = (0..<size).first { text.littleEndian(at: $0, as: UInt8.self) == 0 }
            guard let length, text.extracting(length..<size).firstNonzeroByte == nil else { return false }
            return KernelString(bytes: [UInt8](copying: text.extracting(first: length))).isText
        case .structure:
            return nested?.description.objection(to: bytes, at: place) == nil
        case .handle, .opaque, .bitmap:
            return true
        case .address:
            // The bitmaps of the first kernels are the smallest objects with an address.
            return words(bytes, at: place).allSatisfy { $0 % 512 == 0 && $0 < Self.largestSize }
        case .flags(let names):
            return words(bytes, at: place).allSatisfy { $0 >> UInt64(max(8, names.count)) == 0 }
        case .count, .number:
            return words(bytes, at: place).allSatisfy { $0 < Self.largestCount }
        case .signed:
            let sign: UInt64 = 1 << UInt64((bits?.count ?? 8 * (size / (count ?? 1))) - 1)
            return words(bytes, at: place).allSatisfy { ($0 < sign ? $0 : sign &- ($0 &- sign)) < Self.largestCount }
        case .byteCount:
            return words(bytes, at: place).allSatisfy { $0 < Self.largestSize }
        }
    }

    /// The numbers that make up the field.
    private func words(_ bytes: RawSpan, at place: Int) -> [UInt64] {
        let width = size / (count ?? 1)
        return (0..<(count ?? 1)).map { index in
            let word = bytes.number(at: place + index * width, width: min(width, 8))
            guard let bits else { return word }
            return word >> UInt64(bits.lowerBound) & (1 << UInt64(bits.count) - 1)
        }
    }
}

extension PreservedState {
    /// The memory marked by each bitmap of the map, by the bitmap's address.
    fileprivate func marked(pageSize: PageSize) -> [PhysicalAddress: [Range<PhysicalAddress>]] {
        var marked: [PhysicalAddress: [Range<PhysicalAddress>]] = [:]
        func add(_ address: PhysicalAddress?, _ map: Map) {
            guard let address else { return }
            var part = PreservedState()
            part.map = map
            marked[address] = part.summary(pageSize: pageSize).ranges
        }
        switch map {
        case nil: break
        case .radix(let tree):
            for leaf in tree.leaves {
                var part = RadixTreeState()
                part.leaves = [leaf]
                add(leaf.address, .radix(part))
            }
        case .chunks(let chunks):
            for chunk in chunks {
                for bitmap in chunk.bitmaps {
                    var part = chunk
                    part.bitmaps = [bitmap]
                    add(bitmap.address, .chunks([part]))
                }
            }
        }
        return marked
    }
}
