import ArgumentParser

struct LuoFDT: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "luo-fdt",
        abstract:
            "Inspects what a Linux kernel hands over to the next: Kexec HandOver and the Live Update Orchestrator.",
        discussion: ExitStatus.discussion,
        version: "0.1.0",
        subcommands: [
            Dump.self, Build.self, Collect.self, Extract.self, Check.self, Boot.self, Diff.self, Simulate.self,
            Layout.self,
            Report.self, Schema.self,
        ])

    /// The names of the commands.
    static var commands: [String] { configuration.subcommands.map { $0._commandName } + ["help"] }

    /// The unknown command that is run, or for which help is requested, if any: ArgumentParser does not report it.
    static func unknownCommand(_ arguments: some Collection<String>) -> String? {
        let topic = arguments.first == "help" ? arguments.dropFirst().first { !$0.hasPrefix("-") } : arguments.first
        guard let topic, !topic.hasPrefix("-"), !commands.contains(topic) else { return nil }
        return topic
    }
}
