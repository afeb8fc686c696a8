import ArgumentParser

@main
enum Main {
    static func main() {
        if let dump = DumpRequest(plain: CommandLine.arguments.dropFirst()) { dump.run() }
        if let command = LuoFDT.unknownTopic(CommandLine.arguments.dropFirst()) {
            LuoFDT.exit(withError: ValidationError("There is no command \"\(command)\" to help with."))
        }
        LuoFDT.main()
    }
}
