import ArgumentParser
import Foundation
import Handover
import KernelABI
import Synchronization
import SystemPackage

/// Changes sound handovers at random, and holds `check` against a kernel for each.
struct Mutants: AsyncParsableCommand {
    @OptionGroup var arguments: BootArguments

    @Argument(help: "Sound memory images.")
    var images: [String]

    @Option(help: "Which changes are made: the same seed makes the same ones.")
    var seed: UInt64 = 1

    @Option(help: "How many handovers are changed and booted.")
    var count = 1000

    @Option(help: "A file of results, one a line: what is in it already is not booted again.")
    var journal: String

    func run() async throws {
        let bases = try images.map { image in
            guard let subject = try CheckSubject.subjects(in: FilePath(image), options: InputOptions()).first,
                let base = MutationBase(subject, name: image.split(separator: "/").suffix(2).joined(separator: "/"))
            else { throw ValidationError("\(image): no handover") }
            return base
        }
        let journal = try Journal(path: journal)
        let trials = (0..<count).lazy.map { trial($0, of: bases) }.filter { !journal.holds($0.name) }
        try await arguments.run(trials) { judgement in
            try journal.add(judgement)
            if judgement.agreement == .disagree {
                print(
                    judgement.name, judgement.summary, judgement.check, judgement.kernel, judgement.line,
                    separator: "\t")
            }
        }
        let all = journal.judgements
        print(
            "\(all.count { $0.agreement == .agree }) agree, \(all.count { $0.agreement == .open }) unchecked,"
                + " \(all.count { $0.agreement == .disagree }) disagree")
    }

    /// The change of a number: one that changes something.
    private func trial(_ index: Int, of bases: [MutationBase]) -> Trial {
        let base = bases[index % bases.count]
        var random = SplitMix64(seed: seed ^ UInt64(index) << 32)
        while true {
            guard let mutation = Mutation(of: base, seed: random.next()) else { continue }
            return Trial(
                name: "\(seed)-\(index)", summary: "\(base.name): \(mutation.summary)",
                memory: LayeredMemory([mutation.memory, base.memory]), root: base.root)
        }
    }
}

/// Results on disk, one JSON object a line.
final class Journal: Sendable {
    private let file: FileDescriptor
    private let read: Mutex<[Judgement]>

    init(path: String) throws {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        read = Mutex(
            try text.split(separator: "\n").map { try JSONDecoder().decode(Judgement.self, from: Data($0.utf8)) })
        file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }

    var judgements: [Judgement] { read.withLock { $0 } }

    func holds(_ name: String) -> Bool { read.withLock { $0.contains { $0.name == name } } }

    func add(_ judgement: Judgement) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try file.writeAll(try encoder.encode(judgement) + Data("\n".utf8))
        read.withLock { $0.append(judgement) }
    }
}
