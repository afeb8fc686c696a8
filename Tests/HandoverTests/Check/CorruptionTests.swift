import Foundation
import KernelABI
import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Compares the results of checking corrupted handovers with what a real kernel did with them.
@Suite struct CorruptionTests {
    @Test func `there are recipes, and a result of the kernel for each`() throws {
        #expect(Corruption.all.count > 100)
        #expect(Set(Corruption.all.map(\.name)).count == Corruption.all.count)
        let results = try Corruption.kernelResults()
        #expect(Set(results.keys) == Set(Corruption.all.map(\.name)))
    }

    @Test(arguments: Corruption.all)
    func `the kernel did what the check says`(corruption: Corruption) throws {
        let result = try #require(try Corruption.kernelResults()[corruption.name])
        let image = try corruption.build()
        let root = try #require(image.rootAddress)
        var options = HandoverCheck.Options()
        options.generation = Generation(release: "7.3")
        let check = HandoverCheck(CheckSubject(memory: image.memory, rootAt: root), options: options)
        // If the kernel does not check, anything can happen.
        guard check.verdict != .unchecked else { return }
        let errnos = check.results.compactMap { $0.rule.errno?.number }
        switch result.verdict {
        case "no-sessions": #expect(check.verdict <= .partly)
        case "crash", "hang": Issue.record("\(check.verdict), but the kernel: \(result.line)")
        default: #expect(check.verdict.rawValue == result.verdict, "the kernel: \(result.line)")
        }
        if let errno = result.line.split(separator: " ").last.flatMap({ Int($0) }), result.line.contains("errno"),
            result.verdict == "partly", !errnos.isEmpty
        {
            #expect(errnos.contains(errno), "the kernel: \(result.line)")
        }
    }

    @Test(arguments: Corruption.all)
    func `all processors find what one finds`(corruption: Corruption) throws {
        let image = try corruption.build()
        let subject = CheckSubject(memory: image.memory, rootAt: try #require(image.rootAddress))
        func results(sideBySide: Bool) -> [String] {
            HandoverCheck(subject, options: HandoverCheck.Options(), sideBySide: sideBySide).results.map {
                "\($0.rule.name): \($0.finding)"
            }
        }
        #expect(results(sideBySide: true) == results(sideBySide: false))
    }

    @Test func `every verdict is among them, and without a fault there is no finding`() throws {
        var verdicts: Set<Verdict> = []
        for corruption in Corruption.all {
            let image = try corruption.build()
            let check = HandoverCheck(
                CheckSubject(memory: image.memory, rootAt: try #require(image.rootAddress)), options: .init())
            verdicts.insert(check.verdict)
            if corruption.patches.isEmpty {
                #expect(check.results.isEmpty)
            } else if !Corruption.harmless.contains(corruption.name) {
                #expect(!check.results.isEmpty, "\(corruption.name): nothing was found")
            }
        }
        #expect(verdicts == Set(Verdict.allCases.filter { $0 != .unknown }))
    }

    /// Writes the images to the directory named in the environment, for booting a real kernel.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["LUO_FDT_CORRUPTIONS"] != nil))
    func `corrupted handovers are written as images`() throws {
        let directory = URL(filePath: ProcessInfo.processInfo.environment["LUO_FDT_CORRUPTIONS"] ?? "")
        for corruption in Corruption.all {
            let image = try corruption.build()
            let writer = ELFCoreWriter(machine: .x86_64, pageSize: 4096)
            let bytes = try writer.bytes(of: image.memory)
            try Data(bytes).write(to: directory.appending(path: "\(corruption.name).elf"))
        }
    }
}

extension Corruption {
    /// What a real kernel did.
    struct KernelResult: Decodable {
        var verdict: String
        var line: String
    }

    static func kernelResults() throws -> [String: KernelResult] {
        let text = try Fixture.bytes("corruptions/kernel-7.3.json")
        return try JSONDecoder().decode([String: KernelResult].self, from: Data(text))
    }

    /// Changes within what a kernel may write.
    static let harmless: Set<String> = [
        "luo-size-large", "luo-compatible-tail", "sessions-none", "session-chain-half", "file-handler-tail",
        "memfd-seals-all", "folio-index-far",
    ]
}

extension KernelErrno {
    var number: Int {
        switch self {
        case .noEntry: 2
        case .io: 5
        case .exists: 17
        case .invalid: 22
        case .noData: 61
        case .notSupported: 95
        }
    }
}
