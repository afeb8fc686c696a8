import CKdumpFile
import KernelABI
import Synchronization
import SystemPackage

/// Physical memory in a crash dump of any form that libkdumpfile reads: kdump-compressed (what `makedumpfile` makes
/// by default), flattened, diskdump, LKCD, and more.
///
/// ELF cores, which libkdumpfile also reads, are better opened as ``ELFCore``, which copies nothing and trusts nothing;
/// this is for forms which that refuses. Pages that `makedumpfile` filtered out are not available.
///
/// A library that is too old for flattened dumps is given them in order, in a temporary file in `TMPDIR`.
///
/// The library is loaded when it is first needed; where it is not installed, only this type is of no use.
public final class CrashDump: PhysicalMemory {
    /// The pages that the dump has, from its page map (`file.pagemap`).
    ///
    /// For a form of dump for which the library has no page map this is all memory up to the highest page
    /// (`max_pfn`), some of which may turn out not to be available, and ``hasPageMap`` is false.
    public let regions: [Range<PhysicalAddress>]
    /// Whether ``regions`` is exact.
    public let hasPageMap: Bool
    public let statedPageSize: Int?
    public let statedMachine: Machine?
    /// The form of the dump, in the library's words (`file.format`).
    public let format: String?
    /// The kernel's release (`OSRELEASE` of VMCOREINFO), where the dump has it.
    public let osRelease: String?

    private let dump: Mutex<OpenDump>
    private let pageSize: UInt64

    /// Whether libkdumpfile is installed.
    public static var isSupported: Bool {
        if case .success = KdumpLibrary.shared { true } else { false }
    }

    /// Opens the dump at `path`.
    ///
    /// - Throws: ``CrashDumpError`` where libkdumpfile is not installed, or does not take the file for a dump.
    public init(path: FilePath) throws(CrashDumpError) {
        let dump = try OpenDump(path: path)
        guard let pageSize = dump.number(KDUMP_ATTR_PAGE_SIZE), pageSize > 0, pageSize.nonzeroBitCount == 1,
            pageSize <= 1 << 30
        else { throw .noPageSize(path: path) }
        self.pageSize = pageSize
        statedPageSize = Int(pageSize)
        statedMachine = dump.string(KDUMP_ATTR_ARCH_NAME).flatMap(Machine.init(rawValue:))
        format = dump.string(KDUMP_ATTR_FILE_FORMAT)
        osRelease = dump.string("linux.vmcoreinfo.lines.OSRELEASE")
        if let pages = dump.pageMap() {
            regions = mergeAdjacent(pages.lazy.compactMap { Self.addresses(of: $0, pageSize: pageSize) })
            hasPageMap = true
        } else {
            let end = dump.number("max_pfn") ?? 0
            regions = [Self.addresses(of: 0..<end, pageSize: pageSize)].compactMap { $0 }
            hasPageMap = false
        }
        self.dump = Mutex(dump)
    }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)) else {
            throw .notAvailable(address: address, count: count)
        }
        if count == 0 { return body([UInt8]().span.bytes) }
        let index = regions.partitioningIndex { $0.upperBound > address }
        guard index < regions.count, regions[index].lowerBound <= address, end <= regions[index].upperBound else {
            throw .notAvailable(address: address, count: count)
        }
        // The lock is not held while `body` runs, which may well read on.
        let start = address.rawValue & (pageSize - 1)
        if UInt64(count) <= pageSize - start {
            let page = try dump.withLock { (dump) throws(MemoryError) in
                try dump.page(at: PhysicalAddress(address.rawValue - start), size: Int(pageSize))
            }
            return body(page.span.bytes.extracting(Int(start)..<Int(start) + count))
        }
        if count > CopiedRead.limit { throw CopiedRead.tooLong(address, count) }
        let bytes = try dump.withLock { (dump) throws(MemoryError) in try dump.read(at: address, count: count) }
        return body(bytes.span.bytes)
    }

    private static func addresses(of pages: Range<UInt64>, pageSize: UInt64) -> Range<PhysicalAddress>? {
        let (start, startWraps) = pages.lowerBound.multipliedReportingOverflow(by: pageSize)
        let (end, endWraps) = pages.upperBound.multipliedReportingOverflow(by: pageSize)
        if startWraps || start == end { return nil }
        return PhysicalAddress(start)..<PhysicalAddress(endWraps ? .max : end)
    }
}

/// A dump that libkdumpfile has open. Its functions must not run at the same time on one context.
private struct OpenDump: ~Copyable {
    private let library: KdumpLibrary
    private let context: OpaquePointer
    private let descriptor: FileDescriptor
    /// The pages read last: page n is kept in slot n modulo their number.
    private var cache: [(address: PhysicalAddress, bytes: [UInt8])?] = Array(repeating: nil, count: 256)

    init(path: FilePath) throws(CrashDumpError) {
        let library = try KdumpLibrary.shared.get()
        let file: MappedFile
        var descriptor: FileDescriptor
        do throws(FileError) {
            file = try MappedFile(path: path)
            descriptor = try FileDescriptor.open(reading: path)
        } catch {
            throw .file(error)
        }
        var opened = library.open(descriptor)
        if case .failure = opened, FlattenedDump.isOne(file) {
            try? descriptor.close()
            do throws(FileError) {
                descriptor = try FlattenedDump.rearrange(file)
            } catch {
                throw .file(error)
            }
            opened = library.open(descriptor)
        }
        switch opened {
        case .success(let context):
            self.library = library
            self.context = context
            self.descriptor = descriptor
        case .failure(let refusal):
            try? descriptor.close()
            throw .refused(path: path, reason: refusal.reason)
        }
    }

    deinit {
        library.functions.kdump_free(context)
        try? descriptor.close()
    }

    // MARK: Attributes

    func number(_ key: String) -> UInt64? {
        var functions = library.functions
        var number: UInt64 = 0
        return ckdump_number(&functions, context, key, &number) == KDUMP_OK ? number : nil
    }

    func string(_ key: String) -> String? {
        var functions = library.functions
        var text: UnsafePointer<CChar>?
        guard ckdump_string(&functions, context, key, &text) == KDUMP_OK else { return nil }
        return text.map { String(cString: $0) }
    }

    /// The runs of page frames that the file has.
    func pageMap() -> [Range<UInt64>]? {
        var functions = library.functions
        var bitmap: OpaquePointer?
        guard ckdump_bitmap(&functions, context, KDUMP_ATTR_FILE_PAGEMAP, &bitmap) == KDUMP_OK, let bitmap else {
            return nil
        }
        var runs: [Range<UInt64>] = []
        var page: kdump_addr_t = 0
        while functions.kdump_bmp_find_set(bitmap, &page) == KDUMP_OK {
            let start = page
            guard functions.kdump_bmp_find_clear(bitmap, &page) == KDUMP_OK, page > start else { break }
            runs.append(UInt64(start)..<UInt64(page))
        }
        return runs
    }

    // MARK: Reading

    mutating func page(at address: PhysicalAddress, size: Int) throws(MemoryError) -> [UInt8] {
        let slot = Int(address.rawValue / UInt64(size) % UInt64(cache.count))
        if let page = cache[slot], page.address == address { return page.bytes }
        let bytes = try read(at: address, count: size)
        cache[slot] = (address, bytes)
        return bytes
    }

    func read(at address: PhysicalAddress, count: Int) throws(MemoryError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var length = count
        let status = library.functions.kdump_read(
            context, KDUMP_MACHPHYSADDR, kdump_addr_t(address.rawValue), &bytes, &length)
        switch status {
        case KDUMP_OK: return bytes
        case KDUMP_ERR_NODATA: throw .notAvailable(address: address, count: count)
        default: throw .unreadable(address: address, count: count, reason: library.reason(status, context))
        }
    }
}

/// Why a crash dump cannot be read.
public enum CrashDumpError: Error, Hashable, Sendable {
    /// libkdumpfile could not be loaded: `package` is the name of the Debian package that has it.
    case libraryMissing(name: String, package: String, reason: String)
    case file(FileError)
    /// libkdumpfile does not take the file for a dump, for the reason it gives.
    case refused(path: FilePath, reason: String)
    /// The dump does not say what its page size is.
    case noPageSize(path: FilePath)
}

extension CrashDumpError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .libraryMissing(let name, let package, let reason):
            "crash dumps are read through \(name) (Debian package \(package)), which cannot be loaded: \(reason)"
        case .file(let error): "\(error)"
        case .refused(let path, let reason): "\(path): not a dump that libkdumpfile reads: \(reason)"
        case .noPageSize(let path): "\(path): the dump does not state a page size"
        }
    }
}
