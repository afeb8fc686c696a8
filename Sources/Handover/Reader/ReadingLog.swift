import FDT
import KernelABI

/// What readers encounter: the pieces of memory that belong to the handover, and what was wrong with them.
///
/// It also sees to it that reading ends: a piece of memory is read once in each role, whatever points to it.
struct ReadingLog {
    private(set) var extents: [Extent] = []
    private(set) var findings: [Finding] = []
    var records = RecordMap()
    var otherGenerations: [Generation] = []
    private var visited = VisitedPlaces()
    /// The number of payloads of unknown kinds that were looked at.
    var unknownPayloads = 0
    /// The kinds of content that are read.
    let kinds: ContentKinds
    /// How many bytes of blobs and lists may still be copied; see ``ReadingContext/memorySize``.
    private(set) var budget: UInt64

    /// The number of findings that are kept; a hostile image has one for every byte.
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

    /// Reports a string that no NUL ends within its field.
    mutating func checkTermination(
        of string: KernelString, of owner: @autoclosure () -> Owner, at place: @autoclosure () -> Place
    ) {
        guard !string.isTerminated else { return }
        report(
            .termination, of: owner(), at: place(), found: string.named,
            expected: "a NUL within \(string.bytes.count) bytes: a kernel reads past the field")
    }

    /// Notes that the structure at `address` is about to be read; `false` and a finding where it has been before.
    mutating func visit(
        _ address: PhysicalAddress, as role: Extent.Role, structure: String, of owner: @autoclosure () -> Owner
    ) -> Bool {
        if visit(address, as: role) { return true }
        report(
            .visitedBefore, of: owner(), at: Place(structure, at: address),
            found: "a structure that was reached before", expected: "every structure once")
        return false
    }

    /// Notes the structure at `address`; `false` where it has been noted before.
    mutating func visit(_ address: PhysicalAddress, as role: Extent.Role) -> Bool {
        visited.insert(address, as: role)
    }

    /// Takes `count` bytes from what may be copied; `false` where they are used up.
    mutating func spend(_ count: UInt64) -> Bool {
        guard count <= budget else { return false }
        budget -= count
        return true
    }
}

/// What all readers need: the memory, and what is known of it.
struct ReadingContext: Sendable {
    let memory: any PhysicalMemory
    let pageSize: PageSize
    /// The kinds of content that are known.
    let kinds: ContentKinds
    /// The map of preserved memory, once it has been read.
    var preserved: PreservedIndex?
    /// Whether there is memory to follow pointers in; else only blobs are available.
    let hasMemory: Bool
    /// The size of the memory available in bytes: what is read is never more than that.
    let memorySize: UInt64

    private static let large: UInt64 = 256 << 20

    init(memory: any PhysicalMemory, pageSize: PageSize, kinds: ContentKinds = .standard) {
        self.memory = memory
        self.kinds = kinds
        self.pageSize = pageSize
        let regions = memory.regions
        hasMemory = !regions.isEmpty
        let all = regions.byteCount
        // Of memory that is mostly holes, what is stored counts, and zeros as much again.
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
                found: missing == address ? "no memory at hand there" : "no memory at hand from \(missing) on",
                expected: "\(count) bytes")
        case .leftOut(let missing, _):
            Finding(
                .leftOut, .unknown, of: owner, at: place,
                found: missing == address ? "left out of this dump" : "left out of this dump from \(missing) on",
                expected: "\(count) bytes")
        case .unreadable(_, _, let reason):
            Finding(.unreadable, of: owner, at: place, found: reason, expected: "\(count) bytes")
        }
    }

    /// Whether a structure begins where one of its size can: reports it where not.
    ///
    /// - Parameter size: a power of two; `nil` for a page.
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
