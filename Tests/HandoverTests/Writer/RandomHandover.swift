import KernelABI
import TestSupport

@testable import Handover

/// Creates random valid documents for any generation and page size.
struct RandomHandover {
    var random: SplitMix64
    let generation: Generation
    let pageSize: PageSize

    mutating func state() -> HandoverState {
        var state = HandoverState()
        state.kernel = generation.releases.randomElement(using: &random)?.description
        state.pageSize = pageSize
        if generation.luo != nil { state.luo = luo() }
        if chance(2) {
            var memblock = MemblockState()
            memblock.regions = (0..<Int.random(in: 0...8, using: &random)).map { index in
                var region = MemblockState.Region()
                region.name = KernelString("region\(index)")
                region.size = UInt64.random(in: 1...200_000, using: &random)
                return region
            }
            state.memblock = memblock
        }
        if generation.kexecMetadata != nil, chance(2) {
            var metadata = KexecMetadataState()
            metadata.previousRelease = name(upTo: 64)
            metadata.kexecCount = UInt32.random(in: 0...UInt32.max, using: &random)
            state.kexecMetadata = metadata
        }
        if chance(3) { state.preserved = extraMemory() }
        return state
    }

    private mutating func luo() -> LUOState {
        var luo = LUOState()
        luo.liveUpdateNumber = UInt64.random(in: 0...UInt64.max, using: &random)
        // One in three has more records than fit in a block with small pages.
        let count = chance(3) ? Int.random(in: 52...130, using: &random) : Int.random(in: 0...6, using: &random)
        luo.sessions = (0..<count).map { session($0, isSmall: count > 6) }
        if generation.luo?.flbs != nil {
            luo.flbs = (0..<Int.random(in: 0...20, using: &random)).map { index in
                var flb = FLBState()
                flb.name = KernelString("\(index)") + name(upTo: 40)
                flb.data = UInt64.random(in: 0...UInt64.max, using: &random)
                flb.count = UInt64.random(in: 1...UInt64.max, using: &random)
                return flb
            }
        }
        return luo
    }

    private mutating func session(_ index: Int, isSmall: Bool) -> SessionState {
        var session = SessionState()
        session.name = KernelString("\(index) ") + name(upTo: 58)
        let most = isSmall ? 2 : chance(4) ? 128 : 10
        session.files = (0..<Int.random(in: 0...most, using: &random)).map { token in
            var file = FileState()
            file.token = UInt64(token) &* 0x9e37_79b9_7f4a_7c15
            if generation.fileHandlers.isEmpty || chance(3) {
                file.compatible = name(upTo: 46)
                file.compatible?.bytes.append(UInt8(ascii: "!"))
                file.data = UInt64.random(in: 0...UInt64.max, using: &random)
            } else {
                file.memfd = memfd()
                file.compatible = generation.fileHandlers.randomElement(using: &random).map {
                    KernelString($0.compatible)
                }
            }
            return file
        }
        return session
    }

    private mutating func memfd() -> MemFDState {
        var memfd = MemFDState()
        memfd.position = UInt64.random(in: 0...UInt64.max, using: &random)
        memfd.size = UInt64.random(in: 0...UInt64(20 * pageSize.bytes), using: &random)
        if chance(4) { memfd.size = UInt64(pageSize.bytes / 16 * pageSize.bytes) }
        return memfd
    }

    private mutating func extraMemory() -> PreservedState {
        var preserved = PreservedState()
        var page = UInt64.random(in: 1...0x1_0000, using: &random)
        preserved.ranges = (0..<4).map { _ in
            let start = page + UInt64.random(in: 1...5000, using: &random)
            page = start + UInt64.random(in: 1...3000, using: &random)
            let shift = UInt64(pageSize.shift)
            return PhysicalAddress(start << shift)..<PhysicalAddress(page << shift)
        }
        return preserved
    }

    /// A name of printable and other bytes, not empty, and not always UTF-8.
    private mutating func name(upTo most: Int) -> KernelString {
        let count = Int.random(in: 1...most, using: &random)
        let isText = chance(2)
        return KernelString(
            bytes: (0..<count).map { _ in UInt8.random(in: isText ? 0x20...0x7e : 1...255, using: &random) })
    }

    private mutating func chance(_ one: Int) -> Bool {
        Int.random(in: 0..<one, using: &random) == 0
    }
}

extension KernelString {
    fileprivate static func + (left: Self, right: Self) -> Self {
        KernelString(bytes: left.bytes + right.bytes)
    }
}
