import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

@Suite struct CheckTests {
    @Test(arguments: CapturedHandover.names)
    func `a capture of a real kernel is accepted`(image: String) throws {
        let subject = try #require(
            try CheckSubject.subjects(in: CapturedHandover(name: image).path, options: InputOptions()).first)
        let check = HandoverCheck(subject)
        #expect(check.verdict == .accepted)
        #expect(check.results.map { "\($0.rule.name): \($0.finding)" } == [])
    }

    @Test(
        arguments: [
            ("6.16", "6.17.8", Verdict.accepted, nil), ("6.17.8", "6.17.9", .unchecked, "map-bitmap"),
            ("6.18", "6.17", .unchecked, "map-bitmap"), ("6.17.9", "6.18", .accepted, nil),
            ("6.18", "6.19", .accepted, nil), ("6.18", "7.1", .ignored, "root-compatible"),
            ("6.19", "6.18", .partly, "luo-unknown"), ("6.19", "7.0", .panic, "luo-tree"),
            ("7.0", "6.19", .partly, "flb-unknown"), ("7.1", "7.3", .ignored, "root-compatible"),
            ("7.3", "7.1", .ignored, "root-compatible"), ("7.2", "7.3", .accepted, nil),
        ] as [(String, String, Verdict, String?)])
    func `generations pass or fail where they differ`(from: String, to: String, verdict: Verdict, rule: String?) throws
    {
        let check = HandoverCheck(
            from: try #require(Generation(release: from)), to: try #require(Generation(release: to)))
        #expect(check.verdict == verdict)
        #expect(check.results.first { $0.severity != .note }?.rule.name == rule)
    }

    @Test(arguments: [
        ("6.19/basic", "7.0", "luo-tree"), ("7.1/basic", "7.3", "root-compatible"),
        ("6.19/basic", "6.18", "luo-unknown"),
        ("6.17/basic", "6.18", "map-bitmap"), ("6.18/basic", "6.17.8", "map-bitmap"),
    ])
    func `an image says of another kernel what its generation does`(image: String, kernel: String, rule: String) throws
    {
        var options = HandoverCheck.Options()
        options.generation = Generation(release: kernel)
        let subject = try #require(
            try CheckSubject.subjects(in: CapturedHandover(name: image).path, options: InputOptions()).first)
        let check = HandoverCheck(subject, options: options)
        let from = try #require(subject.reading?.state.generation)
        let expected = HandoverCheck(from: from, to: try #require(options.generation))
        #expect(check.verdict == expected.verdict)
        #expect(check.results.contains { $0.rule.name == rule })
    }

    /// Words in LUO's FDT in 7.1/empty that a real 7.1 does not check, and one that it does.
    @Test(
        arguments: [
            (240, [0, 0, 0, 0], Verdict.unchecked, "luo-damaged"), (32, [0, 0xa5, 0, 0x3f], .unchecked, "luo-damaged"),
            (72, [0xff, 0, 0, 0], .panic, "luo-compatible"),
        ] as [(UInt64, [UInt8], Verdict, String)])
    func `a kernel takes what libfdt finds of LUO's FDT`(
        offset: UInt64, bytes: [UInt8], verdict: Verdict, rule: String
    ) throws {
        let path = CapturedHandover(name: "7.1/empty").path
        let subject = try #require(try CheckSubject.subjects(in: path, options: InputOptions()).first)
        let luo = try #require(
            subject.reading?.state.kho?.subtrees?.first { $0.name == "LUO" }?.address?.advanced(by: offset))
        let check = HandoverCheck(
            CheckSubject(memory: try subject.memory.changed(bytes, at: luo), rootAt: try #require(subject.rootAddress)))
        #expect(check.verdict == verdict)
        #expect(
            check.results.map(\.rule.name).contains(rule), "\(check.results.map { "\($0.rule.name): \($0.finding)" })")
    }

    @Test func `preserved memory in a scratch area is found`() throws {
        let path = CapturedHandover(name: "7.3/basic").path
        let subject = try #require(try CheckSubject.subjects(in: path, options: InputOptions()).first)
        let root = try #require(subject.rootAddress)
        var options = HandoverCheck.Options()
        options.scratch = [root..<PhysicalAddress(root.rawValue + 4096)]
        let check = HandoverCheck(subject, options: options)
        #expect(check.results.map(\.rule.name) == ["scratch"])
        #expect(check.verdict == .unchecked)

        options.disabled = ["scratch"]
        #expect(HandoverCheck(subject, options: options).results.isEmpty)
        options.disabled = []
        options.severities = ["scratch": .note]
        #expect(HandoverCheck(subject, options: options).results.map(\.severity) == [.note])
    }

    @Test func `the table has each name once`() {
        #expect(Set(CheckRule.all.map(\.name)).count == CheckRule.all.count)
    }

    @Test func `a boot that ends does not come past what is behind`() throws {
        // A second session with the same name comes first, but the boot has already ended because of a bad block.
        let corruption = try #require(Corruption.all.first { $0.name == "session-block-empty" })
        var both = corruption
        both.patches += try #require(Corruption.all.first { $0.name == "root-compatible" }).patches
        let image = try both.build()
        var options = HandoverCheck.Options()
        options.generation = .latest
        let subject = CheckSubject(memory: image.memory, rootAt: try #require(image.rootAddress), generation: .latest)
        #expect(HandoverCheck(subject, options: options).verdict == .ignored)
    }
}
