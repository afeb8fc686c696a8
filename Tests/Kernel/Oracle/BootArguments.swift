import ArgumentParser
import KernelBoot
import Synchronization
import SystemPackage

/// The kernel to test with, and the number of guests to run in parallel.
struct BootArguments: ParsableArguments {
    @Option(help: "The kernel: a bzImage or an arm64 Image.")
    var kernel: String

    @Option(help: "The directory with the init programs.")
    var inits: String

    @Option(help: "The number of guests to run in parallel.")
    var jobs = 2

    @Option(help: "The seconds without output after which a guest counts as hung.")
    var silence = 20

    var boot: BootRun {
        var boot = BootRun(kernel: FilePath(kernel), initDirectory: FilePath(inits))
        boot.silence = .seconds(silence)
        return boot
    }

    /// Runs trials in parallel, and passes on each result as soon as it is available.
    func run(_ trials: some Sequence<Trial>, done: @escaping @Sendable (Judgement) throws -> Void) async throws {
        let boot = boot
        try await withThrowingTaskGroup(of: Judgement.self) { group in
            var rest = trials.makeIterator()
            for _ in 0..<jobs {
                guard let trial = rest.next() else { break }
                group.addTask { try await trial.run(with: boot) }
            }
            while let judgement = try await group.next() {
                try done(judgement)
                if let trial = rest.next() { group.addTask { try await trial.run(with: boot) } }
            }
        }
    }
}
