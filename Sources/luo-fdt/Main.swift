import ArgumentParser
import Glibc
import Handover
import KernelABI

@main
enum Main {
    static func main() {
        LostFile.isUnreadable()
        if CommandLine.arguments.isEmpty {
            // Where Swift has them from.
            Diagnostics.report("there is no /proc/self/cmdline to read the arguments from: mount -t proc proc /proc")
            exit(ExitStatus.unreadable.rawValue)
        }
        if let dump = DumpRequest(plain: CommandLine.arguments.dropFirst()) { dump.run() }
        if let command = LuoFDT.unknownCommand(CommandLine.arguments.dropFirst()) {
            let suggestion = Spelling.suggestion(for: command, among: LuoFDT.commands)
            LuoFDT.exit(
                withError: ValidationError(
                    "There is no command \(ImageText(command))" + (suggestion.map { "; \($0)" } ?? ".")))
        }
        do {
            var command = try LuoFDT.parseAsRoot()
            try command.run()
        } catch {
            switch LuoFDT.exitCode(for: error) {
            case .success: answer(LuoFDT.fullMessage(for: error))
            // What is no error of ArgumentParser's is why the command cannot go on.
            case .failure where !(error is ExitCode):
                Diagnostics.report("\(error)")
                exit(ExitStatus.unreadable.rawValue)
            default: LuoFDT.exit(withError: error)
            }
        }
    }

    /// Writes what was asked for, such as help, and ends: with success only if all of it could be written.
    private static func answer(_ text: String) -> Never {
        let output = OutputStream(.standardOutput)
        if !text.isEmpty { output.write(text + "\n") }
        output.flush()
        exit(ExitStatus.fine.rawValue)
    }
}
