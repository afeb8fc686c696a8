import ArgumentParser
import Foundation
import Handover
import KernelABI
import Synchronization
import SystemPackage

/// Boots every recipe in `Fixtures/corruptions`, and writes the kernel's results and a table of them.
struct Corruptions: AsyncParsableCommand {
    @OptionGroup var arguments: BootArguments

    @Option(help: "The recipes.")
    var recipes = "Fixtures/corruptions/recipes.json"

    @Option(help: "The output file for the results, which CorruptionTests reads.")
    var results = "Fixtures/corruptions/kernel-7.3.json"

    @Option(help: "The output file for the table.")
    var table = "docs/corruptions.md"

    @Argument(help: "The images of `LUO_FDT_CORRUPTIONS=… swift test --filter CorruptionTests`, and a journal.")
    var images: String

    private struct Recipe: Decodable {
        var name: String
        var summary: String
        var base: String
        var patches: [Patch]

        struct Patch: Decodable {}
    }

    private struct KernelResult: Encodable {
        var verdict: String
        var line: String
    }

    func run() async throws {
        let list = try JSONDecoder().decode([Recipe].self, from: Data(contentsOf: URL(filePath: recipes)))
        func trial(_ recipe: Recipe, wanted: HandoverState?) throws -> Trial {
            var trial = try Trial(
                name: recipe.name, summary: recipe.summary, image: FilePath(images).appending("\(recipe.name).elf"),
                root: HandoverPlanner.Options().base, wanted: wanted)
            trial.wantsFilesAsTheyWere = true
            return trial
        }
        // The unchanged handovers determine what to ask for.
        var sound: [String: HandoverState] = [:]
        for recipe in list where recipe.patches.isEmpty {
            let memory = try trial(recipe, wanted: nil).memory
            sound[recipe.base] =
                CheckSubject(memory: memory, rootAt: HandoverPlanner.Options().base).reading?.state
        }
        let trials = try list.map { try trial($0, wanted: sound[$0.base]) }
        let journal = try Journal(path: FilePath(images).appending("journal.jsonl").string)
        try await arguments.run(trials.filter { !journal.holds($0.name) }) { judgement in
            try journal.add(judgement)
            print(judgement.name, judgement.check, judgement.kernel, judgement.line, separator: "\t")
        }
        let all = trials.compactMap { trial in
            journal.judgements.first { $0.name == trial.name }.map { trial.judged(as: $0) }
        }

        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let kernel = Dictionary(
            uniqueKeysWithValues: all.map { ($0.name, KernelResult(verdict: $0.kernel, line: $0.line)) })
        try (encoder.encode(kernel) + Data("\n".utf8)).write(to: URL(filePath: results))
        try Data(Self.table(all).utf8).write(to: URL(filePath: table))
    }

    private static func table(_ all: [Judgement]) -> String {
        let wrong = all.filter { $0.agreement == .disagree }.map(\.name)
        let rows = all.map { judgement in
            judgement.row([
                judgement.name, judgement.summary, judgement.check, judgement.rules.joined(separator: ", "),
                judgement.kernel, judgement.line.isEmpty ? "" : "`\(judgement.line)`",
            ])
        }
        return """
            # Corrupted handovers: `check` and a real kernel

            \(all.count) handovers, built from the recipes in `Fixtures/corruptions` and booted with a 7.3 kernel by \
            `make corruptions`, which writes this table. The kernel's verdict is that of `luo-fdt boot`; the last \
            column has the log line that decided it.

            `check` and the kernel agree if their verdicts are the same. *unchecked* means that the kernel does not \
            check the data, so whatever it then does is not a contradiction. In the kernel's column it means that \
            the kernel crashed or hung.

            \(all.count { $0.agreement == .agree }) agree; for \(all.count { $0.agreement == .open }), `check` says \
            *unchecked*; \(wrong.count) disagree\(wrong.isEmpty ? "" : ": " + wrong.joined(separator: ", ")).

            | name | what is wrong | `check` | rules | kernel | its log |
            | --- | --- | --- | --- | --- | --- |
            \(rows.joined(separator: "\n"))

            """
    }
}
