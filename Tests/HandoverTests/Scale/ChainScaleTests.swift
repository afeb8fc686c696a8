import KernelABI
import Testing

@testable import Handover

/// Chains of as many blocks as a kernel accepts (`KHO_MAX_BLOCKS`), one fewer, and one more.
@Suite struct ChainScaleTests {
    static let limit = 10_000

    static let cases = PageSize.allCases.flatMap { size in
        [limit - 1, limit, limit + 1].map { Case(pageSize: size, blocks: $0) }
    }

    struct Case: CustomTestStringConvertible {
        let pageSize: PageSize
        let blocks: Int
        var testDescription: String { "\(blocks) blocks of \(pageSize.bytes) bytes" }
    }

    /// Blocks that are consecutive in memory, with one record each.
    struct Chain: Sendable {
        let pageSize: PageSize
        let blocks: Int
        /// Writes the record of a block into the zeros after the block's header.
        let record: @Sendable (_ index: Int, inout [UInt8], _ base: Int) -> Void

        static let start = PhysicalAddress(1 << 44)
        private static let header = BlockHeaderLayout.layout

        /// The chain, next to what is stored.
        func memory(beside stored: SparseMemory) -> ComputedMemory {
            let end = Self.start.rawValue + UInt64(blocks * pageSize.bytes)
            return ComputedMemory(stored: stored, computed: Self.start..<PhysicalAddress(end)) { address in
                let index = Int(address.rawValue - Self.start.rawValue) / pageSize.bytes
                var bytes = [UInt8](repeating: 0, count: 128)
                if index + 1 < blocks {
                    Self.header.next.write(PhysicalAddress(address.rawValue + UInt64(pageSize.bytes)), to: &bytes)
                }
                Self.header.count.write(1, to: &bytes)
                record(index, &bytes, Self.header.structure.size)
                return bytes
            }
        }
    }

    /// Expects no findings, or one that the chain is too long.
    private func expect(_ findings: [Finding], _ blocks: Int) {
        if blocks <= Self.limit {
            #expect(findings == [])
        } else {
            #expect(findings.map(\.expected) == ["the end of the chain after \(Self.limit) blocks"])
            #expect(findings.map(\.cause) == [.tooLong])
            #expect(findings.map(\.place.field) == ["next"])
        }
    }

    /// The rules about chains that have findings.
    private func rules(_ memory: ComputedMemory, _ handover: SoundHandover) -> Set<String> {
        let subject = CheckSubject(memory: memory, rootAt: handover.root, pageSize: handover.pageSize)
        var options = HandoverCheck.Options()
        options.disabled = Set(CheckRule.all.map(\.name)).subtracting(["session-chain", "file-chain"])
        return Set(HandoverCheck(subject, options: options).results.map(\.rule.name))
    }

    @Test(arguments: cases)
    func `sessions`(_ test: Case) throws {
        let handover = try SoundHandover([], pageSize: test.pageSize)
        let chain = Chain(pageSize: test.pageSize, blocks: test.blocks) { index, bytes, base in
            SessionLayout.v1.name.write(KernelString("session \(index)"), to: &bytes, at: base)
        }
        var memory = chain.memory(beside: handover.memory)
        try memory.stored.write(LUOLayout.v5.sessions, Chain.start, at: try #require(handover.luoAddress))

        let reading = try HandoverReader(memory: memory, pageSize: test.pageSize).read(rootAt: handover.root)
        let sessions = try #require(reading.state.luo?.sessions)
        #expect(sessions.count == min(test.blocks, Self.limit))
        #expect(sessions.last?.name == KernelString("session \(sessions.count - 1)"))
        #expect(reading.state.luo?.blocks?.count == sessions.count)
        expect(reading.findings, test.blocks)
        // A header and a record each, and no block twice.
        #expect(memory.computations.value <= 2 * test.blocks)
        #expect(rules(memory, handover) == (test.blocks > Self.limit ? ["session-chain"] : []))
    }

    @Test(arguments: cases)
    func `files`(_ test: Case) throws {
        var session = SessionState()
        session.name = "s"
        let handover = try SoundHandover([session], pageSize: test.pageSize)
        let chain = Chain(pageSize: test.pageSize, blocks: test.blocks) { index, bytes, base in
            FileLayout.v1.compatible.write("test-v1", to: &bytes, at: base)
            FileLayout.v1.token.write(UInt64(index), to: &bytes, at: base)
        }
        var memory = chain.memory(beside: handover.memory)
        let block = try #require(handover.planned.luo?.sessionsAddress)
        let fileSet = SessionLayout.v1.fileSet
        let place = PhysicalAddress(
            block.rawValue + UInt64(BlockHeaderLayout.layout.structure.size + fileSet.offset))
        try memory.stored.write(fileSet.layout.files, Chain.start, at: place)
        // The session states the number of the blocks that are accepted.
        let taken = min(test.blocks, Self.limit)
        try memory.stored.write(fileSet.layout.count, UInt64(taken), at: place)

        let reading = try HandoverReader(memory: memory, pageSize: test.pageSize).read(rootAt: handover.root)
        let read = try #require(reading.state.luo?.sessions?.first)
        #expect(read.files?.count == taken)
        #expect(read.files?.last?.token == UInt64(taken - 1))
        #expect(read.blocks?.count == taken)
        expect(reading.findings, test.blocks)
        #expect(memory.computations.value <= 2 * test.blocks)
        #expect(rules(memory, handover) == (test.blocks > Self.limit ? ["file-chain"] : []))
    }

    // MARK: - Planning

    private func document(blocks count: Int) -> HandoverState {
        var state = HandoverState()
        state.kernel = "7.3"
        state.luo = LUOState()
        state.luo?.blocks = [BlockState](repeating: BlockState(address: nil, count: 1), count: count)
        state.luo?.sessions = (0..<count).map { index in
            var session = SessionState()
            session.name = KernelString("session \(index)")
            return session
        }
        return state
    }

    @Test func `a chain at the limit is planned, and a kernel takes it`() throws {
        let planned = try HandoverPlanner.plan(document(blocks: Self.limit), sizeOfFile: noFiles)
        let image = try HandoverImage(of: planned, contents: noContents)
        let root = try #require(image.rootAddress)
        let subject = CheckSubject(memory: image.memory, rootAt: root)
        #expect(subject.reading?.state.luo == planned.luo)
        #expect(HandoverCheck(subject).verdict == .accepted)
    }

    @Test func `one block more is refused, and panics a kernel`() throws {
        let document = document(blocks: Self.limit + 1)
        let error = #expect(throws: PlanError.self) { try HandoverPlanner.plan(document, sizeOfFile: noFiles) }
        #expect(error?.canBeForced == true)
        #expect(error?.problems.map(\.path) == [".luo.sessions"])
        #expect(error?.problems.first?.problem.contains("KHO_MAX_BLOCKS is 10000") == true)

        var options = HandoverPlanner.Options()
        options.force = true
        let planned = try HandoverPlanner.plan(document, options: options, sizeOfFile: noFiles)
        let image = try HandoverImage(of: planned, contents: noContents)
        let subject = CheckSubject(memory: image.memory, rootAt: try #require(image.rootAddress))
        #expect(subject.reading?.state.luo?.sessions?.count == Self.limit)
        #expect(HandoverCheck(subject).verdict == .panic)
    }
}

extension SparseMemory {
    /// Writes a field of the structure at `address`.
    fileprivate mutating func write(_ field: Field<UInt64>, _ value: UInt64, at address: PhysicalAddress) throws {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: value)
        try write(bytes, at: PhysicalAddress(address.rawValue + UInt64(field.offset)))
    }

    fileprivate mutating func write(
        _ field: Field<PhysicalAddress>, _ value: PhysicalAddress, at address: PhysicalAddress
    ) throws {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: value.rawValue)
        try write(bytes, at: PhysicalAddress(address.rawValue + UInt64(field.offset)))
    }
}
