import ArgumentParser
import Glibc
import Handover
import KernelABI

@main
enum Main {
    static func main() {
        LostFile.isUnreadable()
        if CommandLine.arguments.isEmpty {
            // Swift reads the arguments from there.
            Diagnostics.report("cannot read the arguments from /proc/self/cmdline: mount -t proc proc /proc")
            exit(ExitStatus.unreadable.rawValue)
        }
        if let dump = DumpRequest(plain: CommandLine.arguments.dropFirst()) { dump.run() }
        if let command = LuoFDT.unknownCommand(CommandLine.arguments.dropFirst()) {
            let suggestion = Spelling.suggestion(for: command, among: LuoFDT.commands)
            LuoFDT.exit(
                withError: ValidationError(
                    "Unknown command \(ImageText(command))" + (suggestion.map { "; \($0)" } ?? ".")))
        }
        do {
            var command = try LuoFDT.parseAsRoot()
            try command.run()
        } catch {
            switch LuoFDT.exitCode(for: error) {
            case .success: answer(LuoFDT.fullMessage(for: error))
            // An error that is not from ArgumentParser is the reason why the command failed.
            case .failure where !(error is ExitCode):
                Diagnostics.report("\(error)")
                exit(ExitStatus.unreadable.rawValue)
            default: LuoFDT.exit(withError: error)
            }
        }
    }

    /// Writes requested text, such as help, and exits: successfully only if all of it was written.
    private static func answer(_ text: String) -> Never {
        let output = OutputStream(.standardOutput)
        if !text.isEmpty { output.write(text + "\n") }
        output.flush()
        exit(ExitStatus.fine.rawValue)
    }
}
