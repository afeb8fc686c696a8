import Handover
import KernelABI
import SystemPackage

/// A captured handover, and changes to it.
struct ChangedHandover: Sendable {
    private let memory: SparseMemory
    private let root: PhysicalAddress
    /// The pages that describe the handover.
    private let pages: [PhysicalAddress]
    /// The words in use on these pages, each of eight bytes, or of four in a device tree.
    private let words: [PhysicalAddress]

    init?(_ path: String) {
        guard let subject = try? CheckSubject.subjects(in: FilePath(path), options: InputOptions()).first,
            let root = subject.rootAddress, let reading = subject.reading
        else { return nil }
        var memory = SparseMemory(pageSize: 4096)
        var pages: [PhysicalAddress] = []
        var words: [PhysicalAddress] = []
        for extent in reading.extents + reading.state.contentsExtents {
            var page = PhysicalAddress(extent.range.lowerBound.rawValue & ~4095)
            while page < extent.range.upperBound {
                let bytes = (try? subject.memory.withBytes(at: page, count: 4096) { $0.withUnsafeBytes { Array($0) } })
                try? memory.write(bytes ?? [], at: page)
                if extent.role.isMetadata {
                    pages.append(page)
                    // Words amid zeros are not in use, except possibly just after other bytes.
                    for place in stride(from: 0, to: 4096, by: 4) {
                        let around = (bytes ?? [])[max(0, place - 16)..<min(4096, place + 8)]
                        if around.contains(where: { $0 != 0 }) {
                            words.append(PhysicalAddress(page.rawValue + UInt64(place)))
                        }
                    }
                }
                page = PhysicalAddress(page.rawValue + 4096)
            }
        }
        (self.memory, self.root, self.pages, self.words) = (memory, root, pages, words)
    }

    /// Each 12 bytes are a page (2 bytes), an offset (2 bytes) and a value (8 bytes) to write there. A value with its
    /// highest bit set and its second highest bit clear is a pointer to one of the handover's own pages.
    func readWithBytesChanged(_ records: [UInt8]) {
        var memory = memory
        for record in Records(records, of: 12) {
            let page = pages[Int(record.number(at: 0, count: 2)) % pages.count]
            var value = record.number(at: 4, count: 8)
            if value >> 62 == 2 {
                value = pages[Int(value & 0xffff) % pages.count].rawValue + (value >> 16 & 0xff)
            }
            memory.write(value, count: 8, at: PhysicalAddress(page.rawValue + record.number(at: 2, count: 2) % 4089))
        }
        read(memory, isWritten: records.count % 8 == 0)
    }

    /// Each 6 bytes are a word in use (2 bytes), an operation on it (1 byte), and an operand (3 bytes).
    func readWithWordsChanged(_ records: [UInt8]) {
        var memory = memory
        for record in Records(records, of: 6) {
            let place = words[Int(record.number(at: 0, count: 2)) % words.count]
            let action = record.number(at: 2, count: 1)
            let operand = record.number(at: 3, count: 3)
            let count = action & 0x80 == 0 ? 8 : 4
            let value = memory.number(at: place, count: count)
            let changed: UInt64 =
                switch action & 7 {
                case 0: operand
                case 1: value &+ operand & 0xff
                case 2: value &- operand & 0xff
                case 3: value ^ 1 << (operand & 63)
                case 4: memory.number(at: words[Int(operand) % words.count], count: count)
                case 5: pages[Int(operand) % pages.count].rawValue
                case 6: operand.byteSwapped >> (count == 8 ? 0 : 32)
                default: operand & 1 == 0 ? 0 : .max
                }
            memory.write(changed, count: count, at: place)
        }
        read(memory, isWritten: records.count % 8 == 0)
    }

    /// Writing takes far longer than reading, so only some inputs are written.
    private func read(_ memory: SparseMemory, isWritten: Bool) {
        readHandover(CheckSubject(memory: memory, rootAt: root), isWritten: isWritten)
    }
}

/// Splits bytes into records of one size. Limits their number so that every input is read quickly; drops a partial
/// record.
struct Records: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private let size: Int
    private var start = 0

    init(_ bytes: [UInt8], of size: Int) {
        self.bytes = bytes
        self.size = size
    }

    struct Record {
        let bytes: ArraySlice<UInt8>

        /// The little-endian number of `count` bytes at an offset within the record.
        func number(at offset: Int, count: Int) -> UInt64 {
            (0..<count).reduce(0) { $0 | UInt64(bytes[bytes.startIndex + offset + $1]) << UInt64(8 * $1) }
        }
    }

    mutating func next() -> Record? {
        guard start + size <= bytes.count, start < 64 * size else { return nil }
        defer { start += size }
        return Record(bytes: bytes[start..<start + size])
    }
}

extension SparseMemory {
    fileprivate func number(at address: PhysicalAddress, count: Int) -> UInt64 {
        let bytes = try? withBytes(at: address, count: count) { $0.withUnsafeBytes { Array($0) } }
        return (bytes ?? []).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    fileprivate mutating func write(_ value: UInt64, count: Int, at address: PhysicalAddress) {
        try? write((0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }, at: address)
    }
}
