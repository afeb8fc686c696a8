import ArgumentParser
import Foundation
import Handover
import KernelABI
import Synchronization
import SystemPackage
import TestSupport

/// Changes valid handovers at random, and compares `check` with a kernel for each.
struct Mutants: AsyncParsableCommand {
    @OptionGroup var arguments: BootArguments

    @Argument(help: "Undamaged memory images.")
    var images: [String]

    @Option(help: "The seed of the random changes; the same seed makes the same changes.")
    var seed: UInt64 = 1

    @Option(help: "The number of handovers to change and boot.")
    var count = 1000

    @Option(help: "A file of results, one per line; handovers that it already contains are not booted again.")
    var journal: String

    @Flag(help: "Boot nothing; compare the current results of check with those in the journal.")
    var judge = false

    @Option(help: "Only write the changed handover with this number, as the image MUTANT.elf.")
    var write: Int?

    func run() async throws {
        let bases = try images.map { image in
            guard let subject = try CheckSubject.subjects(in: FilePath(image), options: InputOptions()).first,
                let base = MutationBase(subject, name: image.split(separator: "/").suffix(2).joined(separator: "/"))
            else { throw ValidationError("\(image): not a handover") }
            return base
        }
        if let write {
            let trial = trial(write, of: bases)
            print(trial.summary)
            let core = try ELFCoreWriter(machine: .x86_64, pageSize: 4096).bytes(of: trial.memory)
            try Destination("MUTANT.elf").write(core)
            return
        }
        let journal = try Journal(path: journal)
        if !judge {
            let trials = (0..<count).lazy.map { trial($0, of: bases) }.filter { !journal.holds($0.name) }
            try await arguments.run(trials) { try journal.add($0) }
        }
        let before = journal.judgements.filter { $0.name.hasPrefix("\(seed)-") }
        let after = before.compactMap { judgement -> Judgement? in
            let index = judgement.name.split(separator: "-").last.flatMap { Int($0) }
            return index.map { trial($0, of: bases).judged(as: judgement) }
        }
        let disagreeing = after.filter { $0.agreement == .disagree }
        print("seed", seed, Self.counts(before), separator: "\t")
        print("now", "", Self.counts(after), separator: "\t")
        for judgement in disagreeing {
            print(
                Unknowable.reason(for: judgement)?.name ?? "DISAGREE", judgement.name, judgement.summary,
                judgement.check, judgement.rules.joined(separator: ","), judgement.kernel, judgement.outcome,
                judgement.line, separator: "\t")
        }
        if disagreeing.contains(where: { Unknowable.reason(for: $0) == nil }) { throw ExitCode.failure }
    }

    /// How many agree, how many `check` leaves open, how many disagree for a known reason, and how many for another.
    private static func counts(_ all: [Judgement]) -> String {
        let disagreeing = all.filter { $0.agreement == .disagree }
        let unknowable = disagreeing.count { Unknowable.reason(for: $0) != nil }
        return [
            all.count, all.count { $0.agreement == .agree }, all.count { $0.agreement == .open }, unknowable,
            disagreeing.count - unknowable,
        ].map(String.init).joined(separator: "\t")
    }

    /// The mutation with an index; it always changes something.
    private func trial(_ index: Int, of bases: [MutationBase]) -> Trial {
        let base = bases[index % bases.count]
        var random = SplitMix64(seed: seed ^ UInt64(index) << 32)
        while true {
            guard let mutation = Mutation(of: base, seed: random.next()) else { continue }
            return Trial(
                name: "\(seed)-\(index)", summary: "\(base.name): \(mutation.summary)",
                memory: LayeredMemory([mutation.memory, base.memory]), root: base.root, wanted: base.state)
        }
    }
}

/// A reason why `check` cannot know what a kernel will do.
struct Unknowable: Sendable {
    /// Its name in docs/kernels.md.
    var name: String
    private var explains: @Sendable (Judgement) -> Bool

    private static let all = [
        // The kernel's KHO test follows the addresses in its subtree, whose format only it knows.
        Unknowable(name: "kho_test") { $0.summary.contains(" of kho_test ") },
        // Only an FLB's owner knows the meaning of its data.
        Unknowable(name: "data of an FLB") { $0.summary.contains("luo_flb_ser.data") },
        // The file is restored as the changed handover shows it. `check` reports that contents are lost.
        Unknowable(name: "holes") { $0.rules == ["memfd-size"] && $0.kernel == Verdict.accepted.rawValue },
        // Shifting by at least the width of the word is undefined in C; x86 uses the last five bits of the shift count.
        Unknowable(name: "shift") { $0.summary.contains("kho_vmalloc.order: ") },
        // Files whose tokens are not in the changed handover are not asked for.
        Unknowable(name: "lost files") {
            $0.rules == ["file-set-lost (ENOENT)"] && $0.kernel == Verdict.accepted.rawValue
        },
    ]

    static func reason(for judgement: Judgement) -> Unknowable? { all.first { $0.explains(judgement) } }
}

/// Results on disk, one JSON object per line.
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
