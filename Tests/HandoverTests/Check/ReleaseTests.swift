import KernelABI
import Testing

@testable import Handover

/// Tests differences between kernel releases of one generation.
@Suite struct ReleaseTests {
    /// Checks a handover built from a document, for the receiving kernel `kernel`.
    private func check(
        _ document: String, on kernel: String? = nil, pageSize: PageSize? = nil, scratch: [Range<PhysicalAddress>] = [],
        memory machine: [Range<PhysicalAddress>] = [],
        _ change: (inout SparseMemory, HandoverState) throws -> Void = { _, _ in },
        _ changeReading: (inout HandoverState) -> Void = { _ in }
    ) throws -> HandoverCheck {
        var planning = HandoverPlanner.Options()
        planning.force = true
        let planned = try HandoverPlanner.plan(try DocumentReader.read(Array(document.utf8)), options: planning) {
            _ throws(FileError) in 0
        }
        let image = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        var memory = image.memory
        try change(&memory, image.state)
        var subject = CheckSubject(
            memory: memory, rootAt: try #require(image.rootAddress), pageSize: planned.pageSize ?? .kib4)
        if var reading = subject.reading {
            changeReading(&reading.state)
            subject.reading = reading
        }
        var options = HandoverCheck.Options()
        options.scratch = scratch
        options.memory = machine
        options.pageSize = pageSize
        if let kernel {
            options.release = Release(kernel)
            options.generation = Generation(release: kernel)
        }
        return HandoverCheck(subject, options: options)
    }

    private func defects(_ check: HandoverCheck) -> Set<String> { Set(check.results.compactMap { $0.defect?.name }) }

    private static let memfd = #"{"token": 1, "memfd": {"size": 4096}}"#

    private static func document(_ kernel: String, files: String = memfd, _ rest: String = "") -> String {
        #"{"kernel": "\#(kernel)", "sessions": [{"name": "vm", "files": [\#(files)]}]\#(rest)}"#
    }

    // MARK: - The table

    @Test func `every defect that shows has a rule, and a name of its own`() {
        let rules = Set(CheckRule.all.map(\.name))
        for defect in KernelDefect.all {
            #expect(defect.explains.isSubset(of: rules), "\(defect.name)")
            #expect(
                (defect.evidence == nil) == (defect.explains.isEmpty && !rules.contains(defect.name)), "\(defect.name)")
        }
        #expect(Set(KernelDefect.all.map(\.name)).count == KernelDefect.all.count)
    }

    @Test(
        arguments: [
            ("6.18.9", false), ("6.19", nil), ("6.19.0", true), ("6.19.12", true), ("6.19.13", false),
            ("6.19.20", false),
            ("7.0", false), ("7.3.4", false),
        ] as [(String, Bool?)])
    func `a span of releases ends where it was mended`(release: String, has: Bool?) throws {
        let span = ReleaseSpan(from: Release(6, 19), mended: [Release(6, 19, 13), Release(7, 0)])
        #expect(span.contains(try #require(Release(release))) == has)
    }

    // MARK: - Defects

    @Test(arguments: [("6.19.9", Verdict.partly), ("6.19.13", .openFails), ("6.19", .openFails)])
    func `a file without a handler is dropped, or makes opening fail`(kernel: String, verdict: Verdict) throws {
        let document = Self.document("6.19", files: #"{"token": 1, "compatible": "mine-v1", "data": "0x5"}"#)
        let check = try check(document, on: kernel)
        #expect(check.verdict == verdict)
        #expect(defects(check).contains("dropped-file") == (kernel != "6.19.13"))
    }

    @Test(arguments: [("7.2.1", Verdict.unchecked), ("7.2.13", .accepted), ("7.3", .accepted), ("7.2", .accepted)])
    func `a block of 2 GiB is too large for some`(kernel: String, verdict: Verdict) throws {
        let check = try check(
            #"{"kernel": "7.2", "preserved": {"ranges": [["0x80000000", "0x100000000"]]}}"#, on: kernel)
        #expect(check.verdict == verdict)
        #expect(check.results.map(\.severity) == (kernel == "7.2" ? [.note] : verdict == .accepted ? [] : [.error]))
    }

    @Test func `a block where the machine has no memory is not looked at before it is marked`() throws {
        let document = #"{"kernel": "7.2", "preserved": {"ranges": [["0x20000000", "0x20004000"]]}}"#
        func verdict(_ sizes: UInt64...) throws -> Verdict {
            let memory = sizes.map { PhysicalAddress(0)..<PhysicalAddress($0) }
            return try check(document, on: "7.3", memory: memory).verdict
        }
        #expect(try verdict() == .accepted)
        #expect(try verdict(0x2000_4000) == .accepted)
        #expect(try verdict(0x2000_2000) == .unchecked)
        #expect(try verdict(0x2000_0000) == .unchecked)
    }

    @Test(arguments: [(4, Verdict.unchecked), (32, .partly)] as [(UInt64, Verdict)])
    func `regions before the damage of their tree are found`(fromEnd: UInt64, verdict: Verdict) throws {
        let document = #"{"kernel": "7.3", "reserve_mem": [{"name": "log", "start": "0x20000000", "size": 4096}]}"#
        let check = try check(document, on: "7.3") { memory, state in
            let blob = try #require(state.kho?.subtrees?.first { $0.name == "memblock" }?.address)
            let header = try #require(memory.copy(at: blob, count: 40)?.map(UInt64.init))
            func word(_ offset: Int) -> UInt64 { header[offset..<offset + 4].reduce(0) { $0 << 8 | $1 } }
            let place = word(8) + word(36) - fromEnd
            try memory.write([0, 0, 0, 0x2a], at: try #require(blob.advanced(by: place)))
        }
        #expect(check.verdict == verdict, "\(check.results)")
    }

    @Test func `a folio larger than the kernel allocates cannot be restored`() throws {
        let file = #"{"token": 1, "memfd": {"size": 8388608, "folios": [{"pfn": "0x20000", "flags": 3, "index": 0}]}}"#
        let check = try check(Self.document("7.0", files: file), on: "7.0.3")
        #expect(check.verdict == .partly)
        #expect(defects(check).contains("folio-order"))
    }

    @Test func `flags of a folio show a writer that loses what is written late`() throws {
        let file = #"{"token": 1, "memfd": {"size": 4096, "folios": [{"pfn": "0x20000", "flags": 2, "index": 0}]}}"#
        let check = try check(Self.document("6.19", files: file))
        #expect(check.verdict == .unchecked)
        #expect(defects(check) == ["memfd-written-late"])
    }

    @Test func `a map in scratch is a known defect up to 6_17_8`() throws {
        // Two orders, and therefore two bitmaps: a single one could have either size.
        let document = #"{"kernel": "6.17.8", "reserve_mem": [{"name": "log", "size": 65536}]}"#
        let all = PhysicalAddress(0x1000_0000)..<PhysicalAddress(0x1100_0000)
        #expect(defects(try check(document, scratch: [all])) == ["metadata-in-scratch"])
        #expect(
            defects(try check(#"{"kernel": "6.18", "reserve_mem": [{"name": "log", "size": 4096}]}"#, scratch: [all]))
                == [])
    }

    @Test func `a full chunk has no end for the first readers`() throws {
        func check(_ kernel: String) throws -> HandoverCheck {
            try self.check(Self.document("6.19"), on: kernel, { _, _ in }) { state in
                let pages = [PhysicalAddress](repeating: PhysicalAddress(0x1000), count: 511)
                state.luo?.sessions?[0].files?[0].memfd?.vmalloc?.chunks?[0].pages = pages
            }
        }
        #expect(defects(try check("6.18-rc3")).contains("vmalloc-full-chunk"))
        #expect(!defects(try check("6.18.1")).contains("vmalloc-full-chunk"))
    }

    @Test func `a mismatch panics though nobody asked for LUO`() throws {
        let check = try check(Self.document("6.19"), on: "7.0.1")
        #expect(check.verdict == .panic)
        #expect(defects(check) == ["panic-unasked"])
    }

    @Test(arguments: [("7.1-rc3", Verdict.unchecked), ("7.1-rc6", .accepted), ("7.1", .accepted)])
    func `the radix tree of 16 KiB pages was too low at first`(kernel: String, verdict: Verdict) throws {
        #expect(try check(#"{"kernel": "7.1", "page_size": 16384}"#, on: kernel).verdict == verdict)
        #expect(try check(#"{"kernel": "7.1", "page_size": 4096}"#, on: kernel).verdict == .accepted)
    }

    @Test func `an empty block of sessions is named`() throws {
        let check = try check(Self.document("7.3"), { _, _ in }) { state in
            state.luo?.blocks?.append(BlockState(address: PhysicalAddress(0x5000), count: 0))
        }
        #expect(check.verdict == .panic)
        #expect(defects(check) == ["empty-block"])
    }

    @Test func `a session name without an end is cut`() throws {
        let check = try check(
            Self.document("7.3"),
            { memory, state in
                let block = try #require(state.luo?.blocks?.first?.address)
                try memory.write([UInt8](repeating: 0x61, count: 64), at: PhysicalAddress(block.rawValue + 16))
            })
        #expect(check.verdict == .accepted)
        #expect(defects(check) == ["session-name-cut"])
    }

    @Test func `unknown flags of an area are masked out`() throws {
        let check = try check(
            Self.document("7.3"),
            { memory, state in
                let data = try #require(state.luo?.sessions?[0].files?[0].data)
                let flags = MemFDLayout.v2.folios.offset + VmallocLayout.layout.flags.offset
                try memory.write([0x81, 0], at: PhysicalAddress(data + UInt64(flags)))
            })
        #expect(check.verdict == .accepted)
        #expect(defects(check) == ["vmalloc-flags"])
    }

    @Test func `the last page of a region is lost unless it is whole`() throws {
        let check = try check(#"{"kernel": "7.3", "reserve_mem": [{"name": "log", "size": 5000}]}"#)
        #expect(defects(check) == ["reserve-mem-tail"])
    }

    // MARK: - Kernels against each other

    @Test func `releases tell what may happen`() throws {
        func names(_ from: String, _ to: String) throws -> Set<String> {
            let (written, read) = (try #require(Release(from)), try #require(Release(to)))
            return defects(
                HandoverCheck(
                    from: try #require(Generation(written)), to: try #require(Generation(read)),
                    releases: (written, read)))
        }
        #expect(try names("6.19.3", "6.19.12").isSuperset(of: ["memfd-written-late", "dropped-file"]))
        #expect(try names("6.19.9", "6.19.13").isDisjoint(with: ["memfd-written-late", "dropped-file"]))
        #expect(try names("7.2", "7.2.5").contains("large-block"))
        #expect(try !names("7.2", "7.3.4").contains("large-block"))
        #expect(try names("7.0.3", "7.3.4") == [])
    }

    @Test func `a receiver of another page size does not notice, and crashes`() throws {
        #expect(try check(Self.document("7.3"), on: "7.3.4", pageSize: .kib64).verdict == .unchecked)
        #expect(try check(Self.document("7.3"), on: "7.3.4", pageSize: .kib4).verdict == .accepted)
        #expect(try check(Self.document("6.19"), on: "6.19.13", pageSize: .kib16).verdict == .unchecked)
    }

    // MARK: - What is not released

    @Test func `7_4 is known by the release that wrote`() throws {
        #expect(try check(Self.document("7.4")).generation.id == "7.4")
        #expect(try check(Self.document("7.3")).generation.id == "7.2")
        #expect(Generation(release: "7.4")?.isReleased == false)
        #expect(Generation.v7_4.releaseText == "7.4 (not released)")
    }

    @Test(arguments: [
        ("kho-v4;radix-v1;vmalloc-v1", true), ("luo-v5;b", true), ("kho-v4", false), ("", false),
    ])
    func `names made of parts are a development series'`(name: String, isOne: Bool) {
        #expect((DevelopmentSeries.describe(compatible: Array(name.utf8)) != nil) == isOne)
    }

    @Test func `a feature header is a development series'`() {
        func describe(_ words: [UInt64]) -> String? {
            let bytes = (words + [UInt64](repeating: 0, count: 16 - words.count)).flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
            }
            return DevelopmentSeries.describe(structure: bytes.span.bytes)
        }
        #expect(describe([7, 1, 3]) != nil)
        #expect(describe([1, 2, 0]) == nil)
        #expect(describe([0, 0, 0]) == nil)
        #expect(describe([7, 1, 3, 9]) == nil)
    }

    @Test func `the root of a development series is named as one`() throws {
        let document = #"{"kernel": "7.3", "kho": {"compatible": "kho-v4;radix-v1;vmalloc-v1"}}"#
        var options = HandoverPlanner.Options()
        options.force = true
        let planned = try HandoverPlanner.plan(try DocumentReader.read(Array(document.utf8)), options: options) {
            _ throws(FileError) in 0
        }
        let image = try HandoverImage(of: planned) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
        let reader = HandoverReader(memory: image.memory, pageSize: .kib4)
        let reading = try reader.read(rootAt: try #require(image.rootAddress))
        #expect(reading.state.kernel == nil)
        #expect(reading.findings.contains { $0.expected.contains("development series") })
    }
}
