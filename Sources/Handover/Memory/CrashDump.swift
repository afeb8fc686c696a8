import KernelABI
import Synchronization

/// Physical memory in a kdump-compressed dump, the default format of `makedumpfile` and that of QEMU's
/// `dump-guest-memory -z`.
///
/// Nothing in the file is trusted: headers, bitmaps and page descriptors are checked against the file and the page
/// size. Pages that were left out on purpose are distinguished from pages that the machine does not have.
public struct CrashDump: PhysicalMemory {
    /// The pages that the dump should have. Those that it lacks are listed in ``damage``.
    public let regions: [Range<PhysicalAddress>]
    public let statedPageSize: Int?
    /// The machine that the memory was taken from, if the dump states it: QEMU's of arm64 do not.
    public var statedMachine: Machine? { header.machine }
    /// The kernel's release.
    public var osRelease: String? { header.info.osRelease ?? header.release }
    /// The kinds of pages that `makedumpfile` left out (its option `-d`); 0 for none.
    public var dumpLevel: UInt32 { header.dumpLevel }
    /// The number of pages left out.
    public let pagesLeftOut: UInt64
    /// The addresses covered by a part of a split dump; `nil` for an unsplit dump.
    public var part: Range<PhysicalAddress>? { header.part.flatMap { header.addresses(of: $0) } }
    /// The end of the whole machine's memory, of which a split dump has parts.
    var end: PhysicalAddress { header.addresses(of: 0..<header.pageCount)?.upperBound ?? PhysicalAddress(0) }
    /// Faults in the file that do not prevent reading it.
    public private(set) var damage: [Damage]

    /// A fault in a dump that leaves part of it readable.
    public enum Damage: Hashable, Sendable {
        /// The file has only `count` bytes of at least `stated`: this many `pages` are missing completely or partly.
        case cutShort(count: UInt64, stated: UInt64, pages: UInt64)
        /// A flattened dump ends before its end mark: what later pieces would have replaced is unknown.
        case endMissing
        /// `makedumpfile` states that it could not write everything (`DUMP_DH_COMPRESSED_INCOMPLETE`).
        case incomplete
        /// The descriptor of the page at `address` is invalid.
        case descriptor(address: PhysicalAddress, PageFault)
        /// This many more descriptors are invalid.
        case furtherDescriptors(UInt64)
        /// `PAGESIZE` of VMCOREINFO is not 4096, 16384 or 65536, and is ignored.
        case pageSize(String)
        /// The machine is not one that supports KHO.
        case machine(KernelString)
    }

    private let file: MappedFile
    private let header: DumpHeader
    private let bitmaps: DumpBitmaps
    private let runs: ExtentTable<Run>
    private let cache = Cache()
    public private(set) var storedByteCount: UInt64 = 0
    /// The offset of the single page of zeros to which all zero pages refer.
    private var zeros: UInt64?

    /// Pages with consecutive descriptors.
    private struct Run: MemoryExtent, Sendable {
        var range: Range<PhysicalAddress>
        /// The index of the first page's descriptor.
        var descriptor: UInt64
    }

    /// Whether a file that begins with these bytes is a kdump-compressed dump. Eight bytes suffice.
    public static func looksLikeOne(_ bytes: RawSpan) -> Bool {
        let signature = Array(DumpHeaderLayout.signatureText.utf8)
        return bytes.byteCount >= signature.count
            && bytes.extracting(first: signature.count).isEqual(to: signature.span.bytes)
    }

    /// Reads the dump's headers, bitmaps and descriptors.
    ///
    /// - Throws: ``CrashDumpError`` if the file is not such a dump, or ends before its pages begin.
    public init(file: MappedFile) throws(CrashDumpError) {
        let header = try DumpHeader(file)
        let bitmaps = try DumpBitmaps(file, header)
        var runs: [Run] = []
        var count: UInt64 = 0
        bitmaps.forEachRun { pages in
            guard let range = header.addresses(of: pages) else { return }
            runs.append(Run(range: range, descriptor: count))
            count += UInt64(pages.count)
        }
        self.file = file
        self.header = header
        self.bitmaps = bitmaps
        self.runs = ExtentTable(runs)
        regions = runs.map(\.range)
        pagesLeftOut = bitmaps.countLeftOut
        statedPageSize = header.statedPageSize
        damage = header.isIncomplete ? [.incomplete] : []
        if file.isCutShort { damage.append(.endMissing) }
        if statedPageSize == nil, let text = header.info.pageSize { damage.append(.pageSize(text)) }
        if header.machine == nil, !header.isOfUnnamedMachine { damage.append(.machine(header.machineName)) }
        checkDescriptors(count: count)
    }

    // MARK: Memory

    public func isLeftOut(_ address: PhysicalAddress) -> Bool {
        bitmaps.isLeftOut(address.rawValue / header.pageSize)
    }

    /// The pages whose descriptors are valid, and that are not zero.
    public var storedExtents: [Range<PhysicalAddress>] {
        var extents: [Range<PhysicalAddress>] = []
        forEachDescriptor { address, descriptor in
            guard let descriptor, (try? descriptor.form(pageSize: header.pageSize)) != nil,
                descriptor.end <= file.count, descriptor.offset != zeros,
                let end = address.advanced(by: header.pageSize)
            else { return }
            if let last = extents.last, last.upperBound == address {
                extents[extents.count - 1] = last.lowerBound..<end
            } else {
                extents.append(address..<end)
            }
        }
        return extents
    }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)) else {
            throw .notAvailable(address: address, count: count)
        }
        if count == 0 { return body([UInt8]().span.bytes) }
        let index = runs.firstIndex(endingBehind: address)
        guard index < runs.count, runs[index].range.lowerBound <= address, end <= runs[index].range.upperBound else {
            throw absence(of: (address..<end).firstAddress(outside: regions), at: address, count)
        }
        let start = address.rawValue % header.pageSize
        let first = PhysicalAddress(address.rawValue - start)
        if UInt64(count) <= header.pageSize - start {
            // The lock is not held while `body` runs, as it may read more pages.
            let page = try cache.page(at: first, pageSize: header.pageSize) { (expander) throws(MemoryError) in
                try pages(from: first, count: 1, of: runs[index], &expander)
            }
            return body(page.span.bytes.extracting(Int(start)..<Int(start) + count))
        }
        if count > CopiedRead.limit { throw CopiedRead.tooLong(address, count) }
        var expander = PageExpander()
        let pageCount = (Int(start) + count + Int(header.pageSize) - 1) / Int(header.pageSize)
        let bytes = try pages(from: first, count: pageCount, of: runs[index], &expander)
        return body(bytes.span.bytes.extracting(Int(start)..<Int(start) + count))
    }

    public func unreadable(in range: Range<PhysicalAddress>) -> [Range<PhysicalAddress>] {
        var lost: [Range<PhysicalAddress>] = []
        var expander = PageExpander()
        for run in runs[runs.firstIndex(endingBehind: range.lowerBound)...] {
            let wanted = run.range.clamped(to: range)
            if wanted.isEmpty { break }
            let start = PhysicalAddress(wanted.lowerBound.rawValue / header.pageSize * header.pageSize)
            for page in (start..<wanted.upperBound).portions(of: header.pageSize)
            where (try? pages(from: page.lowerBound, count: 1, of: run, &expander)) == nil {
                lost.append(page)
            }
        }
        return mergeAdjacent(lost)
    }

    /// Releases the part of the file that holds the pages, which are mostly in address order.
    public func release(_ range: Range<PhysicalAddress>) {
        var (start, end) = (UInt64.max, UInt64.min)
        forEachDescriptor(in: range) { _, descriptor in
            guard let descriptor, descriptor.offset != zeros, descriptor.end <= file.count else { return }
            (start, end) = (min(start, descriptor.offset), max(end, descriptor.end))
        }
        if start < end { file.release(at: start, count: end - start) }
    }

    /// Decompresses whole pages, all from the same run.
    private func pages(
        from address: PhysicalAddress, count: Int, of run: Run, _ expander: inout PageExpander
    ) throws(MemoryError) -> [UInt8] {
        let size = Int(header.pageSize)
        let number = run.descriptor + (address.rawValue - run.range.lowerBound.rawValue) / header.pageSize
        var failure: MemoryError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count * size) { buffer, filled in
            let output = UnsafeMutableRawBufferPointer(buffer)
            for index in 0..<count {
                do throws(PageFault) {
                    let page = UnsafeMutableRawBufferPointer(rebasing: output[index * size..<(index + 1) * size])
                    try expandPage(ofDescriptor: number + UInt64(index), &expander, into: page)
                } catch {
                    let place = PhysicalAddress(address.rawValue + UInt64(index * size))
                    failure = .unreadable(address: place, count: size, reason: error.reason)
                    return
                }
            }
            filled = count * size
        }
        if let failure { throw failure }
        return bytes
    }

    /// Decompresses one page; throws the reason if that fails.
    private func expandPage(
        ofDescriptor number: UInt64, _ expander: inout PageExpander, into page: UnsafeMutableRawBufferPointer
    ) throws(PageFault) {
        let offset = header.bitmaps.upperBound + number * UInt64(DumpDescriptor.size)
        guard let descriptor = try? file.withBytes(at: offset, count: DumpDescriptor.size, { DumpDescriptor($0) })
        else { throw .cutShort }
        let form = try descriptor.form(pageSize: header.pageSize)
        let isWhole = try? file.withBytes(at: descriptor.offset, count: Int(descriptor.size)) { bytes in
            expander.expand(bytes, form, into: page)
        }
        guard let isWhole else { throw .cutShort }
        if !isWhole { throw .compressedBytes }
    }

    // MARK: Descriptors

    /// The maximum number of damaged descriptors to report individually.
    private static let namedDescriptors = 8

    /// Checks all descriptors against the file and the page size.
    private mutating func checkDescriptors(count: UInt64) {
        /// The latest offset at which the file should end: no page is stored twice.
        var end = header.bitmaps.upperBound + count * UInt64(DumpDescriptor.size)
        var first: (offset: UInt64, address: PhysicalAddress)?
        var isRepeated = false
        forEachDescriptor { address, descriptor in
            guard let descriptor, (try? descriptor.form(pageSize: header.pageSize)) != nil else { return }
            end += UInt64(descriptor.size)
            isRepeated = descriptor.offset == first?.offset || isRepeated && descriptor.offset > first?.offset ?? 0
            if descriptor.offset < first?.offset ?? .max { first = (descriptor.offset, address) }
        }
        /// The number of stored pages, and of those whose offset is the lowest one in the file.
        var (stored, together): (UInt64, UInt64) = (0, 0)
        var missing: UInt64 = 0
        var stated = file.count
        var damaged: UInt64 = 0
        forEachDescriptor { address, descriptor in
            guard let descriptor else {
                missing += 1
                return
            }
            do throws(PageFault) {
                _ = try descriptor.form(pageSize: header.pageSize)
                if descriptor.end <= file.count {
                    stored += 1
                    if descriptor.offset == first?.offset { together += 1 }
                    return
                }
                guard descriptor.end <= end else {
                    throw .field("offset", found: descriptor.offset, expected: "at most \(end)")
                }
                missing += 1
                stated = max(stated, descriptor.end)
            } catch {
                damaged += 1
                if damaged <= Self.namedDescriptors { damage.append(.descriptor(address: address, error)) }
            }
        }
        if damaged > Self.namedDescriptors {
            damage.append(.furtherDescriptors(damaged - UInt64(Self.namedDescriptors)))
        }
        if missing > 0 {
            let table = header.bitmaps.upperBound + count * UInt64(DumpDescriptor.size)
            damage.insert(.cutShort(count: file.count, stated: max(stated, table), pages: missing), at: 0)
        }
        // Programs that write dumps put the page of zeros before all others.
        if let first, isRepeated {
            let isZero = try? withBytes(at: first.address, count: Int(header.pageSize)) { $0.firstNonzeroByte == nil }
            if isZero ?? false { zeros = first.offset }
        }
        storedByteCount = (stored - (zeros == nil ? 0 : together)) * header.pageSize
    }

    /// Calls `body` with the descriptor of every page, or of those in a range; `nil` if the file ends before it.
    private func forEachDescriptor(
        in range: Range<PhysicalAddress>? = nil, _ body: (PhysicalAddress, DumpDescriptor?) -> Void
    ) {
        let size = DumpDescriptor.size
        let portion = 4096
        let first = range.map { runs.firstIndex(endingBehind: $0.lowerBound) } ?? runs.startIndex
        for run in runs[first...] {
            if let range, run.range.lowerBound >= range.upperBound { break }
            let pages = range.map(run.range.clamped) ?? run.range
            let count = (pages.upperBound.rawValue - run.range.lowerBound.rawValue) / header.pageSize
            var index = (pages.lowerBound.rawValue - run.range.lowerBound.rawValue) / header.pageSize
            while index < count {
                let offset = header.bitmaps.upperBound + (run.descriptor + index) * UInt64(size)
                let room = offset < file.count ? Int(min(file.count - offset, UInt64(portion * size))) / size : 0
                let present = Int(min(UInt64(room), count - index))
                func address(_ offset: Int) -> PhysicalAddress {
                    PhysicalAddress(run.range.lowerBound.rawValue + (index + UInt64(offset)) * header.pageSize)
                }
                if present == 0 {
                    body(address(0), nil)
                    index += 1
                    continue
                }
                try? file.withBytes(at: offset, count: present * size) { bytes in
                    for place in 0..<present { body(address(place), DumpDescriptor(bytes, at: place * size)) }
                }
                // For a machine with 8 GiB, they take 48 MiB: more than a crash kernel can spare.
                if present == portion { file.release(at: offset, count: UInt64(present * size)) }
                index += UInt64(present)
            }
        }
    }
}

/// `struct page_desc`.
struct DumpDescriptor {
    static let size = DumpPageLayout.layout.structure.size

    let offset: UInt64
    let size: UInt32
    let flags: UInt32

    init(_ bytes: RawSpan, at base: Int = 0) {
        let layout = DumpPageLayout.layout
        offset = layout.offset.read(bytes, at: base)
        size = layout.size.read(bytes, at: base)
        flags = layout.flags.read(bytes, at: base)
    }

    /// The end of the page's bytes in the file.
    var end: UInt64 { offset.addingSaturating(UInt64(size)) }

    /// The compression of the page; throws if the descriptor is invalid.
    func form(pageSize: UInt64) throws(PageFault) -> PageExpander.Form {
        guard let form = PageExpander.Form(rawValue: flags) else {
            throw .field("flags", found: UInt64(flags), expected: "a supported compression")
        }
        if form == .plain {
            if UInt64(size) != pageSize { throw .field("size", found: UInt64(size), expected: "\(pageSize)") }
        } else if size == 0 || UInt64(size) > pageSize {
            throw .field("size", found: UInt64(size), expected: "1 to \(pageSize)")
        }
        return form
    }
}

/// The reason why a page of a dump cannot be read.
public enum PageFault: Error, Hashable, Sendable {
    /// A field of the page's `page_desc` is invalid.
    case field(String, found: UInt64, expected: String)
    /// The file ends before the page, or within it.
    case cutShort
    /// The compressed bytes do not decompress to a page.
    case compressedBytes

    /// A description of the fault.
    var reason: String {
        switch self {
        case .field(let name, let found, let expected): "page_desc.\(name) is \(found), not \(expected)"
        case .cutShort: "the dump is truncated before the end of the page"
        case .compressedBytes: "the page's compressed bytes are damaged"
        }
    }
}

/// A cache of recently read pages.
private final class Cache: Sendable {
    private let state = Mutex(State())

    private struct State: ~Copyable {
        /// Page n is in slot n modulo the number of slots.
        var pages: [(address: PhysicalAddress, bytes: [UInt8])?] = Array(repeating: nil, count: 256)
        var expander = PageExpander()
    }

    func page(
        at address: PhysicalAddress, pageSize: UInt64,
        _ read: (inout PageExpander) throws(MemoryError) -> [UInt8]
    ) throws(MemoryError) -> [UInt8] {
        try state.withLock { (state) throws(MemoryError) in
            let slot = Int(address.rawValue / pageSize % UInt64(state.pages.count))
            if let page = state.pages[slot], page.address == address { return page.bytes }
            let bytes = try read(&state.expander)
            state.pages[slot] = (address, bytes)
            return bytes
        }
    }
}
