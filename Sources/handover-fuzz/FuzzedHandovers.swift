import FDT
import Handover
import KernelABI
import SystemPackage

/// Makes handovers out of a fuzzer's bytes, and reads them.
///
/// The first byte tells what the others are: words to change in a captured handover, memory that begins with a root
/// FDT, a blob by itself, or an ELF core.
struct FuzzedHandovers: Sendable {
    private let bases: [Base]

    /// A captured handover, page by page.
    private struct Base: Sendable {
        var memory: SparseMemory
        var root: PhysicalAddress
        /// The pages that describe it: those worth changing.
        var pages: [PhysicalAddress]
    }

    private static let captures = ["7.3/basic", "7.1/basic", "6.19/basic", "6.18/basic", "7.3/names"]

    init() {
        bases = Self.captures.compactMap { Self.base(FilePath("Fixtures/captures/\($0).elf")) }
        if bases.isEmpty { print("no captures here: only raw memory and blobs are fuzzed") }
    }

    private static func base(_ path: FilePath) -> Base? {
        guard let subject = try? CheckSubject.subjects(in: path, options: InputOptions()).first,
            let root = subject.rootAddress, let reading = subject.reading
        else { return nil }
        var base = Base(memory: SparseMemory(pageSize: 4096), root: root, pages: [])
        for extent in reading.extents + reading.state.contentsExtents {
            var page = PhysicalAddress(extent.range.lowerBound.rawValue & ~4095)
            while page < extent.range.upperBound {
                if extent.role.isMetadata { base.pages.append(page) }
                let bytes = try? subject.memory.withBytes(at: page, count: 4096) { span in
                    span.withUnsafeBytes { Array($0) }
                }
                try? base.memory.write(bytes ?? [], at: page)
                page = PhysicalAddress(page.rawValue + 4096)
            }
        }
        return base
    }

    func read(_ bytes: UnsafeRawBufferPointer) {
        guard let mode = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        switch Int(mode) {
        case 0..<bases.count: readChanged(bases[Int(mode)], rest)
        case 0x10: readMemory(rest)
        case 0x11: readBlobs(rest)
        case 0x12:
            let file = MappedFile(bytes: rest, name: "fuzz")
            guard let core = try? ELFCore(file: file) else { return }
            for root in RootScan(of: core).candidates.prefix(4) { readAll(core, rootAt: root, writes: true) }
        default: return
        }
    }

    /// Changes words: records of a page (2 bytes), an offset (2 bytes) and a value (8 bytes). A value with its highest
    /// bit set and its second highest not is a pointer to one of the handover's own pages.
    private func readChanged(_ base: Base, _ records: [UInt8]) {
        var memory = base.memory
        for start in stride(from: 0, to: min(records.count, 12 * 64) - 11, by: 12) {
            let number = { (offset: Int, count: Int) in
                (0..<count).reduce(UInt64(0)) { $0 | UInt64(records[start + offset + $1]) << UInt64(8 * $1) }
            }
            let page = base.pages[Int(number(0, 2)) % base.pages.count]
            var value = number(4, 8)
            if value >> 62 == 2 {
                value = base.pages[Int(value & 0xffff) % base.pages.count].rawValue + (value >> 16 & 0xff)
            }
            let word = (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
            try? memory.write(word, at: PhysicalAddress(page.rawValue + number(2, 2) % 4089))
        }
        // Writing takes far longer than reading: some inputs are enough.
        readAll(memory, rootAt: base.root, writes: records.count % 8 == 0)
    }

    private func readMemory(_ bytes: [UInt8]) {
        var memory = SparseMemory(pageSize: 4096)
        let root = PhysicalAddress(0x1000)
        try? memory.write(bytes, at: root)
        readAll(memory, rootAt: root, writes: true)
    }

    private func readBlobs(_ bytes: [UInt8]) {
        let reader = HandoverReader(memory: EmptyMemory(), pageSize: .kib4)
        _ = try? reader.read(luo: bytes)
        _ = try? reader.read(memblock: bytes)
        _ = try? reader.read(kexecMetadata: bytes)
        _ = try? reader.read(flbs: Array(bytes.prefix(65536)))
        _ = PartialTree(bytes)
    }

    private func readAll(_ memory: some PhysicalMemory, rootAt root: PhysicalAddress, writes: Bool) {
        let subject = CheckSubject(memory: memory, rootAt: root)
        if writes, let reading = subject.reading {
            var writer = DocumentWriter { _ in }
            writer.write(reading.state)
            _ = reading.state.contentsExtents
            _ = HandoverDiff(.init(state: reading.state, memory: memory), .init(state: reading.state, memory: memory))
            _ = reading.exactState(in: memory)
        }
        _ = HandoverCheck(subject).verdict
    }
}
