import FDT
import KernelABI

/// What readers encounter: the pieces of memory that belong to the handover, and findings about them.
///
/// Also guarantees that reading terminates: a piece of memory is read once in each role, whatever points to it.
struct ReadingLog {
    private(set) var extents: [Extent] = []
    private(set) var findings: [Finding] = []
    var records = RecordMap()
    var otherGenerations: [Generation] = []
    private var visited = VisitedPlaces()
    /// The number of payloads of unknown kinds that were examined.
    var unknownPayloads = 0
    /// The kinds of content to read.
    let kinds: ContentKinds
    /// The number of bytes of blobs and lists that may still be copied; see ``ReadingContext/memorySize``.
    private(set) var budget: UInt64

    /// The maximum number of findings; a hostile image can have one for every byte.
    static let findingLimit = 1000

    init(context: ReadingContext) {
        budget = context.memorySize
        kinds = context.kinds
    }

    mutating func add(_ extent: Extent) {
        extents.append(extent)
    }

    mutating func add(
        _ role: Extent.Role, _ form: Extent.Form, at address: PhysicalAddress, _ count: Int, of owner: Owner
    ) {
        extents.append(Extent(address: address, byteCount: count, role: role, form: form, owner: owner))
    }

    mutating func report(_ finding: Finding) {
        if findings.count < Self.findingLimit { findings.append(finding) }
    }

    mutating func report(
        _ cause: Finding.Cause, _ severity: Finding.Severity = .damage, of owner: Owner, at place: Place,
        found: String, expected: String
    ) {
        report(Finding(cause, severity, of: owner, at: place, found: found, expected: expected))
    }

    /// Reports a string that is not NUL-terminated within its field.
    mutating func checkTermination(
        of string: KernelString, of owner: @autoclosure () -> Owner, at place: @autoclosure () -> Place
    ) {
        guard !string.isTerminated else { return }
        report(
            .termination, of: owner(), at: place(), found: string.named,
            expected: "a NUL within \(string.bytes.count) bytes: the kernel would read past the field")
    }

    /// Registers that the structure at `address` is about to be read; reports it and returns `false` if it was read
    /// before.
    mutating func visit(
        _ address: PhysicalAddress, as role: Extent.Role, structure: String, of owner: @autoclosure () -> Owner
    ) -> Bool {
        if visit(address, as: role) { return true }
        report(
            .visitedBefore, of: owner(), at: Place(structure, at: address),
            found: "a structure that was already visited", expected: "a different one")
        return false
    }

    /// Registers the structure at `address`; `false` if it is already registered.
    mutating func visit(_ address: PhysicalAddress, as role: Extent.Role) -> Bool {
        visited.insert(address, as: role)
    }

    /// Takes `count` bytes from the copying budget; `false` if it is exhausted.
    mutating func spend(_ count: UInt64) -> Bool {
        guard count <= budget else { return false }
        budget -= count
        return true
    }
}

/// What all readers need: the memory, and what is known about it.
struct ReadingContext: Sendable {
    let memory: any PhysicalMemory
    let pageSize: PageSize
    /// The kinds of content that are known.
    let kinds: ContentKinds
    /// The map of preserved memory, once it has been read.
    var preserved: PreservedIndex?
    /// Whether there is memory to follow pointers in; otherwise only blobs are available.
    let hasMemory: Bool
    /// The size of the available memory in bytes: never read more than that.
    let memorySize: UInt64

    private static let large: UInt64 = 256 << 20

    init(memory: any PhysicalMemory, pageSize: PageSize, kinds: ContentKinds = .standard) {
        self.memory = memory
        self.kinds = kinds
        self.pageSize = pageSize
        let regions = memory.regions
        hasMemory = !regions.isEmpty
        let all = regions.byteCount
        // For memory that is mostly holes, count what is stored, and as much again for zeros.
        memorySize = all > Self.large ? min(all, memory.storedByteCount &* 2 &+ Self.large) : all
    }

    /// Reads `count` bytes that belong to `structure`.
    func read<Result>(
        _ structure: String, of owner: @autoclosure () -> Owner, at address: PhysicalAddress, count: Int,
        _ body: (RawSpan) -> Result
    ) throws(Finding) -> Result {
        return try rethrow(memory.withBytes(at: address, count: count, body)) { (error: MemoryError) in
            unreadable(structure, of: owner(), at: address, count: count, error)
        }
    }

    /// Reads `count` bytes that belong to `structure`, or reports why they cannot be read.
    func read<Result>(
        _ structure: String, of owner: @autoclosure () -> Owner, at address: PhysicalAddress, count: Int,
        _ log: inout ReadingLog, _ body: (RawSpan) -> Result
    ) -> Result? {
        do throws(Finding) {
            return try read(structure, of: owner(), at: address, count: count, body)
        } catch {
            log.report(error)
            return nil
        }
    }

    func unreadable(
        _ structure: String, of owner: Owner, at address: PhysicalAddress, count: Int, _ error: MemoryError
    ) -> Finding {
        let place = Place(structure, at: address)
        return switch error {
        case .notAvailable(let missing, _):
            Finding(
                .notAvailable, hasMemory ? .damage : .unknown, of: owner, at: place,
                found: missing == address ? "no memory available there" : "no memory available from \(missing)",
                expected: "\(count) bytes")
        case .leftOut(let missing, _):
            Finding(
                .leftOut, .unknown, of: owner, at: place,
                found: missing == address ? "omitted from this dump" : "omitted from this dump from \(missing)",
                expected: "\(count) bytes")
        case .unreadable(_, _, let reason):
            Finding(.unreadable, of: owner, at: place, found: reason, expected: "\(count) bytes")
        }
    }

    /// Whether a structure is aligned to its size; reports it if not.
    ///
    /// - Parameter size: A power of two; `nil` for a page.
    func isAligned(
        _ address: PhysicalAddress, _ structure: String, to size: Int? = nil, of owner: @autoclosure () -> Owner,
        _ log: inout ReadingLog
    ) -> Bool {
        let size = size ?? pageSize.bytes
        if address.rawValue & UInt64(size - 1) == 0 { return true }
        log.report(
            .misaligned, of: owner(), at: Place(structure, at: address), found: "an address inside a page",
            expected: "a multiple of \(size)")
        return false
    }
}
