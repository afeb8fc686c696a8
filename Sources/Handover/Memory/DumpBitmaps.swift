import KernelABI

/// The bitmaps of a kdump-compressed dump: the pages of the machine, and those of them that are in the dump.
struct DumpBitmaps: Sendable {
    /// The page frames that the dump covers; for a part of a split dump, only its own.
    let pages: Range<UInt64>

    private let file: MappedFile
    /// The offset of the bitmap of the machine's pages; if there is only one bitmap, it is that of the dump's pages.
    private let machine: UInt64
    private let dump: UInt64

    init(_ file: MappedFile, _ header: DumpHeader) throws(CrashDumpError) {
        let byteCount = header.bitmaps.upperBound - header.bitmaps.lowerBound
        guard header.bitmaps.upperBound <= file.count else {
            throw .cutShort(count: file.count, stated: header.bitmaps.upperBound)
        }
        self.file = file
        machine = header.bitmaps.lowerBound
        // Old dumps have only one bitmap of that size.
        let isPair = header.pageCount <= byteCount / 2 * 8
        dump = isPair ? machine + byteCount / 2 : machine
        let count = min(header.pageCount, isPair ? byteCount / 2 * 8 : byteCount * 8)
        pages = (header.part ?? 0..<count).clamped(to: 0..<count)
    }

    /// Whether the machine has the page but the dump does not.
    func isLeftOut(_ page: UInt64) -> Bool {
        guard pages.contains(page) else { return false }
        return bit(page, of: machine) && !bit(page, of: dump)
    }

    private func bit(_ page: UInt64, of bitmap: UInt64) -> Bool {
        let byte = try? file.withBytes(at: bitmap + page / 8, count: 1) { $0.unsafeLoad(as: UInt8.self) }
        return (byte ?? 0) >> (page % 8) & 1 != 0
    }

    /// Calls `body` with the runs of pages in the dump.
    func forEachRun(_ body: (Range<UInt64>) -> Void) {
        var start: UInt64?
        forEachWord { page, _, dump in
            var position: UInt64 = 0
            while position < 64 {
                if let first = start {
                    let clear = UInt64((~dump >> position).trailingZeroBitCount)
                    if position + clear >= 64 { return }
                    position += clear
                    body(first..<page + position)
                    start = nil
                } else {
                    let set = UInt64((dump >> position).trailingZeroBitCount)
                    if position + set >= 64 { return }
                    position += set
                    start = page + position
                }
            }
        }
        if let start { body(start..<pages.upperBound) }
    }

    /// The number of pages that the machine has but the dump does not.
    var countLeftOut: UInt64 {
        var count = 0
        forEachWord { _, machine, dump in count += (machine & ~dump).nonzeroBitCount }
        return UInt64(count)
    }

    /// Calls `body` with 64 bits of both bitmaps at a time, and the number of the first page. Bits outside `pages` are
    /// 0.
    private func forEachWord(_ body: (_ page: UInt64, _ machine: UInt64, _ dump: UInt64) -> Void) {
        var page = pages.lowerBound / 64 * 64
        while page < pages.upperBound {
            // Bitmaps consist of whole blocks, and therefore of whole words.
            let words = Int(min((pages.upperBound - page + 63) / 64, 1 << 13))
            try? file.withBytes(at: machine + page / 8, count: words * 8) { machine in
                try? file.withBytes(at: dump + page / 8, count: words * 8) { dump in
                    for index in 0..<words {
                        let first = page + UInt64(index) * 64
                        // Shifts by more than 63 bits yield 0.
                        let mask =
                            ~0 << (max(pages.lowerBound, first) - first)
                            & ~(~0 << (min(pages.upperBound, first + 64) - first)) as UInt64
                        body(
                            first, machine.littleEndian(at: index * 8) & mask,
                            dump.littleEndian(at: index * 8) & mask)
                    }
                }
            }
            page += UInt64(words) * 64
        }
    }
}
