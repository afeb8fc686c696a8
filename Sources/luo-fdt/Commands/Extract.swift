import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Extract: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Writes the content of a preserved file to a file.",
        discussion: """
            The file is sparse where the content has holes or zeros.

            EXAMPLES
              luo-fdt extract vmcore --session vm-alpha --token 0x42 -o guest-ram.bin

            \(ExitStatus.discussion)
            """)

    @Argument(help: "A memory image; none: this machine.")
    var image: FilePath?

    @Option(help: "The session's name.")
    var session: String

    @Option(help: "The file's token: a number, hexadecimal with 0x before it.")
    var token: Token

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write it; - is standard output.", valueName: "path"))
    var output: FilePath

    @OptionGroup var input: InputArguments

    func run() throws {
        let name = KernelString(session)
        let read = input.readImage(image) { $0.luo?.sessions?.contains { $0.name == name } ?? false }
        guard let (_, document) = read, let file = file(in: document.reading.state) else {
            throw ExitCode(ExitStatus.unreadable.rawValue)
        }
        let contents = ContentsOutput(of: file, in: document.reading.state, memory: document.memory)
        try write(contents).end()
    }

    private func write(_ contents: ContentsOutput) -> ExitStatus {
        guard let missing = Output.write(to: output, inputs: [name] + input.options.files, contents.write) else {
            return .unreadable
        }
        for range in missing {
            Diagnostics.report(
                "\(name): bytes \(range.lowerBound) to \(range.upperBound - 1) of the file are not at hand")
        }
        return missing.isEmpty ? .fine : .damaged
    }

    /// The image's name in messages.
    private var name: FilePath { image ?? HandoverInput.thisMachine }

    private func file(in state: HandoverState) -> FileContents? {
        let sessions = state.luo?.sessions ?? []
        guard let found = sessions.first(where: { $0.name == KernelString(session) }) else {
            Diagnostics.report(
                "\(name): there is no session \"\(session)\"; there are \(Self.list(sessions.map(\.name.quoted)))")
            return nil
        }
        let files = found.files ?? []
        guard let file = files.first(where: { $0.token == token.value }) else {
            Diagnostics.report(
                "\(name): session \"\(session)\" has no token \(token); it has "
                    + Self.list(files.map { "\(Token(value: $0.token))" }))
            return nil
        }
        guard let contents = file.fileContents else {
            Diagnostics.report(
                "\(name): token \(token) has no content that is known; its handler is \(file.compatible?.quoted ?? "\"\"")")
            return nil
        }
        return contents
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
    }
}

/// A file's token.
struct Token: ExpressibleByArgument, CustomStringConvertible {
    let value: UInt64

    init(value: UInt64) {
        self.value = value
    }

    init?(argument: String) {
        guard let address = PhysicalAddress(argument: argument) else { return nil }
        value = address.rawValue
    }

    var description: String { "0x" + String(value, radix: 16) }
}
