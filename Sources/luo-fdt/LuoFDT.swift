import ArgumentParser

@main
struct LuoFDT: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "luo-fdt")
}
