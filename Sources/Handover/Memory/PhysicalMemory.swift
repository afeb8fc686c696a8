import KernelABI

/// A machine's physical memory, as far as it is available.
///
/// Every reader of a handover uses this protocol, and therefore sees only bounds-checked views. A source need not have
/// all memory: addresses outside ``regions`` are *not available*, which is different from being zero.
public protocol PhysicalMemory: Sendable {
    /// The available ranges of physical addresses: ascending and disjoint, with adjacent ones merged.
    var regions: [Range<PhysicalAddress>] { get }

    /// The part of ``regions`` that is stored as bytes: ascending, disjoint ranges, each readable without a copy if the
    /// source supports that, and therefore not merged.
    ///
    /// The rest of ``regions`` reads as zero but is not stored; a search of all memory can skip it. By default,
    /// everything in ``regions`` is stored.
    var storedExtents: [Range<PhysicalAddress>] { get }

    /// The page size in bytes, if the source states it (VMCOREINFO of a dump), else `nil`.
    var statedPageSize: Int? { get }

    /// The machine that the memory was taken from, if the source states it.
    var statedMachine: Machine? { get }

    /// Calls `body` with `count` bytes at `address`.
    ///
    /// Bytes that are contiguous in the source are not copied. The span is valid only during the call.
    ///
    /// - Throws: ``MemoryError`` if a byte of the range is not available or was left out, the range wraps around, or
    ///   the source cannot be read.
    func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result

    /// An upper limit for the number of stored bytes, that is, the size of ``storedExtents``; fast.
    var storedByteCount: UInt64 { get }

    /// Whether the machine has memory at `address` that was left out of the source on purpose, as `makedumpfile` does
    /// with user pages. Such memory is neither zero nor missing for another reason.
    ///
    /// By default, `false`.
    func isLeftOut(_ address: PhysicalAddress) -> Bool

    /// What was left out on purpose, or could not be read when the source was written, if the source lists it.
    ///
    /// By default, nothing.
    var leftOut: [Range<PhysicalAddress>] { get }

    /// The memory in `range` that is in ``regions`` but cannot be read: a damaged dump can have such pages. Takes as
    /// long as reading does.
    ///
    /// By default, nothing.
    func unreadable(in range: Range<PhysicalAddress>) -> [Range<PhysicalAddress>]

    /// Announces that `range` will not be read again soon, so that a source may release resources. It can still be
    /// read, possibly more slowly.
    ///
    /// By default, does nothing.
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

    /// The reason why `count` bytes at `address` are not available, where `missing` is the first missing address.
    func absence(of missing: PhysicalAddress, at address: PhysicalAddress, _ count: Int) -> MemoryError {
        isLeftOut(missing)
            ? .leftOut(address: missing, count: count) : .notAvailable(address: address, count: count)
    }

    /// Whether bytes equal those of another memory; `nil` if they are not all available in both.
    func isEqual(
        at address: PhysicalAddress, to other: any PhysicalMemory, at otherAddress: PhysicalAddress, count: Int
    ) -> Bool? {
        let result = try? withBytes(at: address, count: count) { left in
            try? other.withBytes(at: otherAddress, count: count) { left.isEqual(to: $0) }
        }
        return result ?? nil
    }
}

/// The reason why physical memory could not be read.
public enum MemoryError: Error, Hashable, Sendable {
    /// The source does not have these bytes.
    case notAvailable(address: PhysicalAddress, count: Int)
    /// The byte at `address` was left out of the source on purpose; `count` bytes were requested.
    case leftOut(address: PhysicalAddress, count: Int)
    /// The source should have these bytes, but reading them failed.
    case unreadable(address: PhysicalAddress, count: Int, reason: String)
}

extension MemoryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notAvailable(let address, let count):
            "\(count) bytes of memory at \(address) are not available"
        case .leftOut(let address, _): "the memory at \(address) was omitted from this dump"
        case .unreadable(let address, let count, let reason):
            "\(count) bytes of memory at \(address) cannot be read: \(reason)"
        }
    }
}
