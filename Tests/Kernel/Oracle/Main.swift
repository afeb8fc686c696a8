import ArgumentParser

/// Asks a real kernel what it makes of handovers that are wrong, and holds `check` against it.
@main
struct KernelOracle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel-oracle",
        abstract: "Holds check against a real kernel: see Tests/Kernel/README.md.",
        subcommands: [Corruptions.self, Mutants.self])
}
