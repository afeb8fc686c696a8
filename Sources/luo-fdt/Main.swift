@main
enum Main {
    static func main() {
        if let dump = DumpRequest(plain: CommandLine.arguments.dropFirst()) { dump.run() }
        LuoFDT.main()
    }
}
