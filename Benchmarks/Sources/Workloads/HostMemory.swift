import Handover
import KernelABI

/// All memory of a host: a small handover, and everywhere else leftovers of its programs.
///
/// Not stored: bytes outside the handover's description are computed when they are read.
public struct HostMemory: PhysicalMemory {
    public let image: HandoverImage
    public let regions: [Range<PhysicalAddress>]
    public let storedExtents: [Range<PhysicalAddress>]
    private let seed: UInt64
    /// The runs of pages that the image has bytes for.
    private let described: [Range<PhysicalAddress>]

    public var statedPageSize: Int? { image.memory.statedPageSize }
    public var statedMachine: Machine? { image.memory.statedMachine }

    /// - Parameter size: The host's memory in bytes. A sixteenth of it is handed over: half of that is a region, the
    ///   rest memfds. All of it is in the last quarter of memory.
    public init(size: UInt64, seed: UInt64) throws {
        // A PC's memory: without the BIOS, and with a hole for devices below 4 GiB.
        let low = min(size, 0xC000_0000)
        var regions = [0x1000..<0x9_F000, 0x10_0000..<low]
        let above: UInt64 = 0x1_0000_0000
        if size > low { regions.append(above..<above + size - low) }
        self.regions = regions.map { PhysicalAddress($0.lowerBound)..<PhysicalAddress($0.upperBound) }
        storedExtents = self.regions
        self.seed = seed

        let end = regions[regions.count - 1].upperBound
        image = try HandoverImage(
            withoutFilesOf: Self.state(contents: size / 16), base: PhysicalAddress(end - size / 4 + size / 256))
        var described: [Range<PhysicalAddress>] = []
        for extent in image.memory.storedExtents {
            if let last = described.last, last.upperBound == extent.lowerBound {
                described[described.count - 1] = last.lowerBound..<extent.upperBound
            } else {
                described.append(extent)
            }
        }
        self.described = described
    }

    private static func state(contents: UInt64) -> HandoverState {
        var state = HandoverState()
        state.kernel = "7.2"
        var luo = LUOState()
        luo.liveUpdateNumber = 1
        luo.sessions = (1...4).map { number in
            var memfd = MemFDState()
            memfd.size = contents / 8
            var file = FileState()
            file.memfd = memfd
            var session = SessionState()
            session.name = KernelString("vm-\(number)")
            session.files = [file]
            return session
        }
        state.luo = luo
        var region = MemblockState.Region()
        region.name = "trace"
        region.size = contents / 2
        var memblock = MemblockState()
        memblock.regions = [region]
        state.memblock = memblock
        return state
    }

    public func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)),
            regions.contains(where: { $0.lowerBound <= address && end <= $0.upperBound })
        else { throw .notAvailable(address: address, count: count) }
        var words = leftovers(from: address.rawValue / 8, to: (end.rawValue + 7) / 8)
        let first = address.rawValue / 8 * 8
        for range in described where range.overlaps(address..<end) {
            let piece = range.clamped(to: address..<end)
            // Whole words, as the description consists of whole pages.
            let start = piece.lowerBound.rawValue / 8 * 8
            let length = (piece.upperBound.rawValue - start + 7) / 8
            try image.memory.withBytes(at: PhysicalAddress(start), count: Int(length * 8)) { bytes in
                for word in 0..<Int(length) {
                    words[Int(start - first) / 8 + word] = bytes.unsafeLoadUnaligned(fromByteOffset: word * 8, as: UInt64.self)
                }
            }
        }
        let offset = Int(address.rawValue - first)
        return body(words.span.bytes.extracting(offset..<offset + count))
    }

    /// The computed words outside the description.
    private func leftovers(from first: UInt64, to end: UInt64) -> [UInt64] {
        var words: [UInt64] = []
        words.reserveCapacity(Int(end - first))
        var state = seed &+ first &* SplitMix64.increment
        for _ in first..<end {
            words.append(SplitMix64.mix(state))
            state &+= SplitMix64.increment
        }
        return words
    }
}
