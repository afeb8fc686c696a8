import KernelABI
import SystemPackage

/// A handover that is laid out in an ELF core as it is written: its pages are never all at hand.
///
/// The core is the same as that of a ``HandoverImage``, which holds them, and which every other form needs.
public struct CoreFile: Sendable {
    /// What is laid out, complete.
    public let state: HandoverState
    /// The memory that the core has.
    public let regions: [Range<PhysicalAddress>]
    private let layout: ELFCoreLayout

    /// Finds out where everything is to lie, which the planner has completed.
    ///
    /// - Returns: `nil` for what takes an image: contents that are in files are looked at once only.
    public init?(of state: HandoverState) throws(WriteError) {
        guard state.contentFiles.isEmpty, let pageSize = state.pageSize else { return nil }
        var writer = try ImageWriter(of: state, to: StoredPieces(in: PageOutline(pageSize: pageSize), listed: false))
        try writer.writeAll(Self.open)
        let outline = writer.destination.store
        self.state = state
        regions = outline.available.ranges
        layout = ELFCoreWriter(of: state).layout(regions: regions, stored: outline.stored.ranges)
    }

    /// Writes the core to a destination that is no stream.
    public func write(to destination: Destination) throws(OutputError) {
        try destination.write { (file) throws(OutputError) in
            let behind = WriteBehind(file.descriptor)
            defer { try? behind.wait() }
            do throws(WriteError) {
                let pages = try CorePages(of: layout, in: file.descriptor, behind, file.path)
                var writer = try ImageWriter(of: state, to: StoredPieces(in: pages, listed: false))
                try writer.writeAll(Self.open)
                try writer.destination.store.finish()
            } catch {
                throw .image(error)
            }
        }
    }

    private static func open(_ name: String) throws(FileError) -> MappedFile {
        throw .cannotOpen(path: FilePath(name), .noSuchFileOrDirectory)
    }
}

/// The stored pages of a core, which is written in portions.
private struct CorePages: PageStore {
    private let layout: ELFCoreLayout
    private let file: FileDescriptor
    private let behind: WriteBehind
    private let path: FilePath
    /// What is put.
    private var bytes: [UInt8] = []
    /// What is to be written at an offset.
    private var portion: [UInt8] = []
    private var offset: UInt64 = 0

    private static let portionSize = 1 << 20

    init(of layout: ELFCoreLayout, in file: FileDescriptor, _ behind: WriteBehind, _ path: FilePath) throws(WriteError) {
        self.layout = layout
        self.file = file
        self.behind = behind
        self.path = path
        portion = layout.headers
        do {
            // What nothing is put in is zero.
            try file.resize(to: Int64(layout.fileSize))
        } catch {
            throw .file(.cannotWrite(path: path, Errno(error)))
        }
    }

    mutating func allocate(_ range: Range<PhysicalAddress>) {}

    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        guard count > 0 else { return }
        // Pages that adjoin are in one segment.
        guard let place = layout.offset(of: address) else { throw .outside(address, count) }
        if place != offset + UInt64(portion.count) || portion.count >= Self.portionSize {
            let full = portion
            portion = []
            portion.reserveCapacity(Self.portionSize)
            try write { () throws(Errno) in try behind.write(full, at: Int64(offset)) }
            offset = place
        }
        try bytes.refill(count, fill)
        portion += bytes
    }

    /// Writes what is left.
    func finish() throws(WriteError) {
        try write { () throws(Errno) in
            try behind.wait()
            try file.writeAll(portion.span.bytes, at: Int64(offset))
        }
    }

    private func write(_ body: () throws(Errno) -> Void) throws(WriteError) {
        do throws(Errno) {
            try body()
        } catch {
            throw .file(.cannotWrite(path: path, error))
        }
    }
}

extension HandoverState {
    /// The names of the files that preserved files have their contents in.
    public var contentFiles: [String] {
        (luo?.sessions ?? []).flatMap { session in
            (session.files ?? []).compactMap { file in
                guard file.hasContent, case .file(let name) = file.fileContents?.source else { return nil }
                return name
            }
        }
    }
}
