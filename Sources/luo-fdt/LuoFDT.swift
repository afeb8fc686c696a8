import ArgumentParser

struct LuoFDT: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "luo-fdt",
        abstract: "Looks into what a Linux kernel hands over to the next: Kexec HandOver and the Live Update Orchestrator.",
        discussion: ExitStatus.discussion,
        version: "0.1.0",
        subcommands: [
            Dump.self, Build.self, Collect.self, Extract.self, Check.self, Boot.self, Diff.self, Simulate.self, Layout.self,
            Report.self, Schema.self,
        ])

    /// The command that `help` is asked for and that does not exist: ArgumentParser shows the whole command's help then.
    static func unknownTopic(_ arguments: some Collection<String>) -> String? {
        guard arguments.first == "help", let topic = arguments.dropFirst().first(where: { !$0.hasPrefix("-") }) else {
            return nil
        }
        let names = configuration.subcommands.map { $0._commandName } + ["help"]
        return names.contains(topic) ? nil : topic
    }
}
