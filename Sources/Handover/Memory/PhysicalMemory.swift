import KernelABI

/// A machine's physical memory, or as much of it as is available.
///
/// Every reader of a handover goes through this protocol, and so sees only bounds-checked views. A source need not
/// hold all memory: what lies outside of ``regions`` is *not available*, which is different from being zero.
public protocol PhysicalMemory: Sendable {
    /// What is available: ranges of physical addresses, ascending, disjoint, adjacent ones merged.
    var regions: [Range<PhysicalAddress>] { get }

    /// The part of ``regions`` that is stored as bytes: ranges ascending and disjoint, each readable without a copy
    /// where the source can do so at all, and for that reason not merged.
    ///
    /// The rest of ``regions`` reads as zero though no byte of it is stored. A search of all memory can skip it.
    /// The default is ``regions``: everything is stored.
    var storedExtents: [Range<PhysicalAddress>] { get }

    /// The page size in bytes where the source states one (VMCOREINFO of a dump), else `nil`.
    var statedPageSize: Int? { get }

    /// The machine that the memory was taken from, where the source states one.
    var statedMachine: Machine? { get }

    /// Hands `count` bytes at `address` to `body`.
    ///
    /// Bytes that lie in one piece in the source are not copied. The span is valid during the call alone.
    ///
    /// - Throws: ``MemoryError`` if a byte of the range is not available or was left out, the range wraps around, or
    ///   the source cannot be read.
    func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result

    /// At most how many bytes are stored, that is, the size of ``storedExtents``; quick to ask for.
    var storedByteCount: UInt64 { get }

    /// Whether the machine has memory at `address` that was left out of the source on purpose, as `makedumpfile` does
    /// with pages of users. It is neither zero nor missing for another reason.
    ///
    /// The default is `false`.
    func isLeftOut(_ address: PhysicalAddress) -> Bool

    /// What was left out on purpose, or could not be read when the source was written, where the source lists it.
    ///
    /// The default is none.
    var leftOut: [Range<PhysicalAddress>] { get }

    /// The memory in `range` that is in ``regions``, and cannot be read: a damaged dump can have such pages. It takes
    /// as long as reading does.
    ///
    /// The default is none.
    func unreadable(in range: Range<PhysicalAddress>) -> [Range<PhysicalAddress>]

    /// Says that what is in `range` will not be read again soon: a source may let go of what it keeps available for it.
    /// It can be read as before, though that may take longer.
    ///
    /// The default does nothing.
    func release(_ range: Range<PhysicalAddress>)
}

extension PhysicalMemory {
    public var storedExtents: [Range<PhysicalAddress>] { regions }
    public var storedByteCount: UInt64 { storedExtents.byteCount }
    public var statedPageSize: Int? { nil }
    public var statedMachine: Machine? { nil }
    public var leftOut: [Range<PhysicalAddress>] { [] }
    public func isLeftOut(_ address: PhysicalAddress) -> Bool { leftOut.contains { $0.contains(address) } }
    public func unreadable(in range: Range<PhysicalAddress>) -> [Range<PhysicalAddress>] { [] }
    public func release(_ range: Range<PhysicalAddress>) {}
}

extension PhysicalMemory {
    /// A copy of `count` bytes at `address`, or `nil` if they are not all available.
    package func copy(at address: PhysicalAddress, count: Int) -> [UInt8]? {
        do throws(MemoryError) {
            return try withBytes(at: address, count: count) { [UInt8](copying: $0) }
        } catch {
            return nil
        }
    }

    /// Why `count` bytes at `address` are not available, the first that is missing being at `missing`.
    func absence(of missing: PhysicalAddress, at address: PhysicalAddress, _ count: Int) -> MemoryError {
        isLeftOut(missing)
            ? .leftOut(address: missing, count: count) : .notAvailable(address: address, count: count)
    }

    /// Whether bytes are the same as those of another memory; `nil` if they are not all available in both.
    func isEqual(
        at address: PhysicalAddress, to other: any PhysicalMemory, at otherAddress: PhysicalAddress, count: Int
    ) -> Bool? {
        let result = try? withBytes(at: address, count: count) { left in
            try? other.withBytes(at: otherAddress, count: count) { left.isEqual(to: $0) }
        }
        return result ?? nil
    }
}

/// Why bytes of physical memory could not be read.
public enum MemoryError: Error, Hashable, Sendable {
    /// The source does not hold these bytes.
    case notAvailable(address: PhysicalAddress, count: Int)
    /// The byte at `address` was left out of the source on purpose; `count` bytes were asked for.
    case leftOut(address: PhysicalAddress, count: Int)
    /// The source should hold these bytes, but reading them failed for the reason given.
    case unreadable(address: PhysicalAddress, count: Int, reason: String)
}

extension MemoryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAvailable(let address, let count):
            "\(count) bytes of memory at \(address) are not available"
        case .leftOut(let address, _): "the memory at \(address) was left out of this dump"
        case .unreadable(let address, let count, let reason):
            "\(count) bytes of memory at \(address) cannot be read: \(reason)"
        }
    }
}
