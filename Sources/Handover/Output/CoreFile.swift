import KernelABI
import SystemPackage

/// Writes a handover to a file without holding all of its pages in memory.
///
/// A first pass only notes which pages there are; they are then laid out as an ELF core. Contents are copied from file
/// to file.
public struct CoreFile: Sendable {
    /// The complete state that is laid out.
    public let state: HandoverState
    /// The memory that the core has.
    public let regions: [Range<PhysicalAddress>]
    private let layout: ELFCoreLayout
    private let open: @Sendable (String) throws(FileError) -> MappedFile

    /// Determines the layout of a state that the planner has completed.
    ///
    /// - Parameters:
    ///   - state: A complete state.
    ///   - open: Opens the file that a `content` names.
    public init(
        of state: HandoverState, contents open: @escaping @Sendable (String) throws(FileError) -> MappedFile
    ) throws(WriteError) {
        guard let pageSize = state.pageSize else { throw .incomplete(".page_size") }
        var writer = try ImageWriter(of: state, to: StoredPieces(in: PageOutline(pageSize: pageSize), listed: false))
        try writer.writeAll(open)
        let outline = writer.destination.store
        self.state = state
        self.open = open
        regions = outline.available.ranges
        layout = ELFCoreWriter(of: state).layout(regions: regions, stored: outline.stored.ranges)
    }

    /// Writes the handover.
    public func write(to destination: Destination, as form: OutputForm) throws(OutputError) {
        if form == .elf, !destination.isStream {
            try destination.write { (file) throws(OutputError) in _ = try layOut(in: file, listed: false) }
        } else {
            try form.write(try capture(), to: destination)
        }
    }

    /// The handover, laid out in a temporary file.
    public func capture() throws(OutputError) -> Capture {
        let file = try NewFile.nameless()
        defer { try? file.descriptor.close() }
        let extents = try layOut(in: file, listed: true)
        let image = try rethrow(MappedFile(descriptor: file.descriptor, path: file.path)) { (error: FileError) in
            OutputError.image(.file(error))
        }
        let core = try rethrow(ELFCore(file: image)) { (error: ELFError) in OutputError.temporary(file.path, error) }
        return Capture(state, extents: extents, memory: core)
    }

    private func layOut(in file: OutputFile, listed: Bool) throws(OutputError) -> [Extent] {
        let behind = WriteBehind(file.descriptor)
        defer { try? behind.wait() }
        // What is not written is zero.
        try file.resize(to: layout.fileSize)
        do throws(WriteError) {
            let pages = CorePages(of: layout, in: file, behind)
            var writer = try ImageWriter(of: state, to: StoredPieces(in: pages, listed: listed))
            try writer.writeAll(open)
            try writer.destination.store.finish()
            return writer.destination.extents
        } catch {
            throw .image(error)
        }
    }
}

/// The stored pages of a core, written in chunks.
private struct CorePages: PageStore {
    private let layout: ELFCoreLayout
    private let file: OutputFile
    private let behind: WriteBehind
    /// A buffer for the current `put`.
    private var bytes: [UInt8] = []
    /// The bytes to write at `offset`.
    private var portion: [UInt8] = []
    private var offset: UInt64 = 0

    private static let portionSize = 1 << 20

    init(of layout: ELFCoreLayout, in file: OutputFile, _ behind: WriteBehind) {
        self.layout = layout
        self.file = file
        self.behind = behind
        portion = layout.headers
    }

    mutating func allocate(_ range: Range<PhysicalAddress>) {}

    mutating func put(
        _ count: Int, at address: PhysicalAddress, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        guard count > 0 else { return }
        // Adjacent pages are in one segment.
        guard let place = layout.offset(of: address) else { throw .outside(address, count) }
        if place != offset + UInt64(portion.count) || portion.count >= Self.portionSize { try begin(at: place) }
        try bytes.refill(count, fill)
        portion += bytes
    }

    mutating func put(
        _ part: Range<UInt64>, of original: MappedFile, at address: PhysicalAddress
    ) throws(WriteError) {
        guard let place = layout.offset(of: address) else { throw .outside(address, part.count) }
        try begin(at: place)
        try write { () throws(Errno) in try behind.wait() }
        try rethrow(file.copy(part, of: original, to: place), as: WriteError.file)
        offset = place + UInt64(part.count)
    }

    /// Starts writing the collected bytes, and continues at an offset.
    private mutating func begin(at place: UInt64) throws(WriteError) {
        let full = portion
        portion = []
        portion.reserveCapacity(Self.portionSize)
        try write { () throws(Errno) in try behind.write(full, at: Int64(offset)) }
        offset = place
    }

    /// Writes the rest.
    mutating func finish() throws(WriteError) {
        try begin(at: 0)
        try write { () throws(Errno) in try behind.wait() }
    }

    private func write(_ body: () throws(Errno) -> Void) throws(WriteError) {
        try rethrow(body()) { (error: Errno) in WriteError.file(.cannotWrite(path: file.path, error)) }
    }
}

extension HandoverState {
    /// The names of the files that contain the contents of preserved files.
    public var contentFiles: [String] {
        (luo?.sessions ?? []).flatMap { session in
            (session.files ?? []).compactMap { file in
                guard file.hasContent, case .file(let name) = file.fileContents?.source else { return nil }
                return name
            }
        }
    }
}
