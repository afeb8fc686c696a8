import ArgumentParser

struct LuoFDT: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "luo-fdt",
        abstract: "Looks into what a Linux kernel hands over to the next: Kexec HandOver and the Live Update Orchestrator.",
        discussion: ExitStatus.discussion,
        version: "0.1.0",
        subcommands: [
            Dump.self, Build.self, Collect.self, Extract.self, Check.self, Diff.self, Simulate.self, Layout.self,
            Report.self, Schema.self,
        ])
}
