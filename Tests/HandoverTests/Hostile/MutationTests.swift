import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Changes captures in every conceivable way: a deterministic sample of all changes.
///
/// `LUO_FDT_MUTATIONS` sets the sample size, for each kind of change and each capture; `all` takes days.
@Suite struct HandoverMutationTests {
    private static let sample: Int = {
        guard let text = ProcessInfo.processInfo.environment["LUO_FDT_MUTATIONS"] else { return 40 }
        return text == "all" ? .max : Int(text) ?? 40
    }()

    /// Visits numbers below `count`: all, or a sample.
    private static func forEach(below count: Int, seed: UInt64, _ body: (Int) throws -> Void) rethrows {
        if count <= sample {
            for index in 0..<count { try body(index) }
        } else {
            var random = SplitMix64(seed: seed)
            for _ in 0..<sample { try body(Int.random(in: 0..<count, using: &random)) }
        }
    }

    @Test(arguments: CapturedHandover.names)
    func `a bit that flips`(image: String) throws {
        let hostile = try HostileMemory(image)
        try Self.forEach(below: hostile.pages.count * 4096 * 8, seed: 1) { bit in
            let address = PhysicalAddress(hostile.pages[bit / 32768].rawValue + UInt64(bit % 32768 / 8))
            let byte = try #require(hostile.memory.copy(at: address, count: 1)?.first)
            let memory = try hostile.changed(address, [byte ^ UInt8(1 << (bit % 8))])
            HostileMemory.readAll(memory, rootAt: hostile.root)
        }
    }

    @Test(arguments: CapturedHandover.names)
    func `a count or an address that says anything`(image: String) throws {
        let hostile = try HostileMemory(image)
        // Words with a meaning, and the first words of pages without one.
        var words: [PhysicalAddress] = []
        for page in hostile.pages {
            let bytes = try #require(hostile.memory.copy(at: page, count: 4096))
            for offset in stride(from: 0, to: 4096, by: 8)
            where offset < 32 || bytes[offset..<offset + 8].contains(where: { $0 != 0 }) {
                words.append(PhysicalAddress(page.rawValue + UInt64(offset)))
            }
        }
        var values: [UInt64] = [
            0, 1, 50, 51, 52, 62, 63, 64, 65, 128, 129, 255, 256, 510, 511, 512, 819, 820, 10_000, 10_001, 1 << 31,
            1 << 32,
            1 << 51, 1 << 52, 1 << 63, .max - 4095, .max,
        ]
        values += hostile.pages.flatMap { [$0.rawValue, $0.rawValue + 8] }
        try Self.forEach(below: words.count * values.count, seed: 2) { index in
            let value = values[index % values.count]
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
            let memory = try hostile.changed(words[index / values.count], bytes)
            HostileMemory.readAll(memory, rootAt: hostile.root)
        }
    }

    @Test(arguments: CapturedHandover.names)
    func `pieces in other places, and pages that are missing`(image: String) throws {
        let hostile = try HostileMemory(image)
        try Self.forEach(below: min(20_000, Self.sample), seed: 3) { index in
            var random = SplitMix64(seed: UInt64(index))
            var memory = hostile.memory
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let from = hostile.pages.randomElement(using: &random) ?? hostile.root
                let to = hostile.pages.randomElement(using: &random) ?? hostile.root
                if Int.random(in: 0..<4, using: &random) == 0 {
                    memory.removePage(at: to)
                    continue
                }
                let count = Int.random(in: 1...512, using: &random)
                let source = PhysicalAddress(
                    from.rawValue + UInt64.random(in: 0..<UInt64(4096 - count), using: &random))
                let target = PhysicalAddress(to.rawValue + UInt64.random(in: 0..<UInt64(4096 - count), using: &random))
                guard let bytes = memory.copy(at: source, count: count) else { continue }
                try memory.write(bytes, at: target)
            }
            HostileMemory.readAll(memory, rootAt: hostile.root)
        }
    }

    @Test(arguments: ["6.18", "6.19", "7.1", "7.3"])
    func `blobs that are cut short`(version: String) throws {
        let directory = Fixture.url("captures/\(version)/debugfs/sender/out")
        let reader = HandoverReader(memory: EmptyMemory(), pageSize: .kib4)
        for name in ["fdt", "sub_fdts/LUO", "sub_fdts/memblock", "sub_fdts/kexec-metadata"] {
            guard let data = try? Data(contentsOf: directory.appending(path: name)) else { continue }
            for count in 0..<data.count {
                let blob = Array(data.prefix(count))
                // A page of FLBs has no signature: any bytes are read.
                #expect(throws: Never.self) { try reader.read(flbs: blob) }
                for name in Generation.latest.subtrees { _ = try? reader.read(subtree: name, blob) }
            }
        }
    }

    @Test func `images that are cut short`() throws {
        let data = try Fixture.bytes("captures/7.3/empty.elf")
        Self.forEach(below: data.count, seed: 4) { count in
            guard let core = try? ELFCore(file: MappedFile(bytes: Array(data.prefix(count)), name: "cut")) else {
                return
            }
            for root in RootScan(of: core).candidates {
                _ = HandoverCheck(CheckSubject(memory: core, rootAt: root)).verdict
            }
        }
    }
}
