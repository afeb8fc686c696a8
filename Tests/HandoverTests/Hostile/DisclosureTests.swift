import Foundation
import KernelABI
import TestSupport
import Testing

@testable import Handover

/// Checks that without contents, `collect` writes nothing that is handed over, wherever a damaged pointer leads.
@Suite struct DisclosureTests {
    private static let canary = Array("CANARY: guest memory, not to be seen. ".utf8)

    /// A captured handover in which all memory that is handed over is filled with canaries.
    private struct Cage {
        let memory: SparseMemory
        let root: PhysicalAddress
        /// The pages with canaries.
        let pages: [PhysicalAddress]
        /// The addresses of pointers to pieces of the handover.
        let pointers: [PhysicalAddress]

        init(_ capture: CapturedHandover) throws {
            let document = try capture.read()
            let state = document.reading.state
            let size = try #require(state.pageSize)
            let pageSize = UInt64(size.bytes)
            let whole = Capture(of: document.reading, in: document.memory, contents: true)
            var memory = SparseMemory(pageSize: size.bytes)
            memory.statedMachine = state.machine
            var pieces: [(PhysicalAddress, [UInt8])] = []
            for extent in document.reading.extents {
                let bytes = try whole.bytes(of: extent)
                try memory.write(bytes, at: extent.address)
                pieces.append((extent.address, bytes))
            }
            // The capture does not contain everything that is handed over: some pages of each range represent it.
            let handedOver = Capture(
                of: document.reading, in: LayeredMemory([document.memory, AllZero()]), contents: false)
            var pages: [PhysicalAddress] = []
            for range in handedOver.leftBehind {
                for page in stride(from: range.lowerBound.rawValue, to: range.upperBound.rawValue, by: Int(pageSize))
                    .prefix(3)
                {
                    pages.append(PhysicalAddress(page))
                }
            }
            let text = (0..<size.bytes).map { DisclosureTests.canary[$0 % DisclosureTests.canary.count] }
            for page in pages { try memory.write(text, at: page) }
            let known = Set(document.reading.extents.map(\.address) + pages)
            var pointers: [PhysicalAddress] = []
            for (address, bytes) in pieces {
                for offset in stride(from: 0, to: bytes.count - 7, by: 4) {
                    let word: UInt64 = bytes.span.bytes.littleEndian(at: offset)
                    let isFrame =
                        word & 0xfff == 0 ? false : known.contains(PhysicalAddress((word & (1 << 52 - 1)) &* pageSize))
                    if word != 0, known.contains(PhysicalAddress(word)) || isFrame {
                        pointers.append(PhysicalAddress(address.rawValue + UInt64(offset)))
                    }
                }
            }
            self.memory = memory
            self.pages = pages
            self.pointers = pointers
            root = try #require(state.kho?.fdtAddress)
        }

        func expectNothingGetsOut(of memory: SparseMemory, _ what: String) throws {
            guard let reading = try? HandoverReader(memory: memory, pageSize: .kib4).read(rootAt: root) else { return }
            let capture = Capture(of: reading, in: memory, contents: false)
            let written = try ELFCoreWriter(of: capture.state).bytes(of: capture.memory)
            #expect(Data(written).range(of: Data(DisclosureTests.canary.prefix(16))) == nil, "\(what): in the core")
            let bundle = try Bundle.tree(of: capture)
            #expect(
                Data(bundle.bytes).range(of: Data(DisclosureTests.canary.prefix(16))) == nil, "\(what): in the bundle")
            let subject = CheckSubject(memory: memory, rootAt: root)
            let words = reading.findings.map { "\($0)" } + HandoverCheck(subject).results.map { "\($0)" }
            #expect(words.filter { $0.contains("CANARY") } == [], "\(what)")
        }
    }

    /// Memory that is zero everywhere.
    private struct AllZero: PhysicalMemory {
        var regions: [Range<PhysicalAddress>] { [PhysicalAddress(0)..<PhysicalAddress(1 << 40)] }
        func withBytes<Result>(
            at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
        ) throws(MemoryError) -> Result {
            body([UInt8](repeating: 0, count: count).span.bytes)
        }
    }

    /// The number of redirections to try for each capture; the environment can increase it to all of them.
    private static let sample = Int(ProcessInfo.processInfo.environment["LUO_FDT_REDIRECTIONS"] ?? "") ?? 12

    @Test(arguments: CapturedHandover.all)
    func `no redirected pointer lets handed-over memory out`(_ capture: CapturedHandover) throws {
        let cage = try Cage(capture)
        try #require(!cage.pointers.isEmpty)
        var random = SplitMix64(seed: 5)
        for (index, pointer) in cage.pointers.shuffled(using: &random).prefix(Self.sample).enumerated() {
            guard let page = cage.pages.isEmpty ? nil : cage.pages[index % cage.pages.count] else { return }
            var memory = cage.memory
            var bytes: [UInt8] = []
            bytes.append(littleEndian: page.rawValue)
            try memory.write(bytes, at: pointer)
            try cage.expectNothingGetsOut(of: memory, "\(capture.name): \(pointer) to \(page)")
        }
    }

    @Test(arguments: CapturedHandover.all)
    func `of a sound handover everything is disclosed that describes it`(_ capture: CapturedHandover) throws {
        let document = try capture.read()
        let collected = Capture(of: document.reading, in: document.memory, contents: false)
        #expect(collected.withheld.isEmpty, "\(collected.withheld)")
        #expect(collected.extents == document.reading.extents)
    }
}
