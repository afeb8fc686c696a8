import ArgumentParser

/// Boots a real kernel with invalid handovers, and compares the results with `check`.
@main
struct KernelOracle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel-oracle",
        abstract: "Compares check with a real kernel: see Tests/Kernel/README.md.",
        subcommands: [Corruptions.self, Mutants.self])
}
