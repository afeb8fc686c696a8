import ArgumentParser
import Handover
import KernelABI
import SystemPackage

struct Extract: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Writes the contents of preserved files to files.",
        discussion: """
            A file is sparse where the content has holes or zeros. --all creates a directory of the files of all \
            sessions, SESSION/TOKEN; in the name of a session, anything other than letters, digits, "-", "_" and "." \
            becomes %XX.

            EXAMPLES
              luo-fdt extract vmcore --session vm-alpha --token 0x42 -o guest-ram.bin
              luo-fdt extract vmcore --all -o files

            \(ExitStatus.discussion)
            """)

    @Argument(help: "A memory image. Default: this machine.")
    var image: FilePath?

    @Option(help: "The session's name.", completion: .custom(SessionCompletion.names))
    var session: String?

    @Option(help: "The file's token: a number, hexadecimal with prefix 0x.")
    var token: Token?

    @Flag(help: "Write all files, into a directory.")
    var all = false

    @Option(name: .shortAndLong, help: ArgumentHelp("The output file; - is standard output.", valueName: "path"))
    var output: FilePath

    @OptionGroup var input: InputArguments

    func validate() throws {
        if all, session != nil || token != nil {
            throw ValidationError("--all cannot be combined with --session or --token.")
        }
        if all, output == "-" { throw ValidationError("A directory cannot be written to standard output.") }
        if !all, session == nil || token == nil { throw ValidationError("Give --session and --token, or --all.") }
    }

    func run() throws {
        let wanted = session.map { KernelString($0) }
        let read = try input.readImage(image) { state in
            wanted.map { name in state.luo?.sessions?.contains { $0.name == name } ?? false } ?? true
        }
        let document = read.document
        if all { return try writeAll(read.documents).worse(read.input.isDamaged ? .damaged : .fine).end() }
        guard let session, let token else { return }
        let file = try file(token, of: session, in: document.reading)
        let contents = ContentsOutput(of: file, in: document.reading.state, memory: document.memory)
        let missing = try Output.write(to: output, inputs: inputs, contents.write)
        for range in missing { report(range, of: "the file") }
        try (missing.isEmpty ? ExitStatus.fine : .damaged).end()
    }

    /// The files that must not be overwritten; there are none for this machine.
    private var inputs: [FilePath] { [image].compactMap(\.self) + input.options.files }

    private func writeAll(_ documents: [HandoverDocument]) throws -> ExitStatus {
        let losses = try Output.write(to: output, inputs: inputs, ContentsDirectory(of: documents).write)
        for loss in losses {
            switch loss {
            case .missing(let path, let ranges): for range in ranges { report(range, of: path) }
            case .unread(let owner):
                Diagnostics.report("\(name): \(owner) is not written: \(whyUnread(owner, documents.map(\.reading)))")
            case .unwritten(let owner, let error): Diagnostics.report("\(name): \(owner) is not written: \(error)")
            }
        }
        return losses.isEmpty ? .fine : .damaged
    }

    /// Explains why the content of a file is missing.
    private func whyUnread(_ owner: Owner, _ readings: [Reading]) -> String {
        readings.contains { $0.findings.contains { $0.owner == owner } }
            ? "its content could not be read" : "its content is of an unknown kind"
    }

    /// The image's name in messages.
    private var name: FilePath { image ?? HandoverInput.thisMachine }

    private func report(_ missing: Range<UInt64>, of file: String) {
        Diagnostics.report(
            "\(name): bytes \(missing.lowerBound) to \(missing.upperBound - 1) of \(file) cannot be read from the "
                + "image, and are zero in the output")
    }

    private func file(_ token: Token, of session: String, in reading: Reading) throws -> FileContents {
        let sessions = reading.state.luo?.sessions ?? []
        guard let found = sessions.first(where: { $0.name == KernelString(session) }) else {
            throw Failure(
                "\(name): no session \"\(session)\"; there are \(Selection.list(sessions.map(\.name.quoted)))")
        }
        let files = found.files ?? []
        guard let file = files.first(where: { $0.token == token.value }) else {
            throw Failure(
                "\(name): session \"\(session)\" has no token \(token); it has "
                    + Selection.list(files.map { "\(Token(value: $0.token))" }))
        }
        guard let contents = file.fileContents else {
            throw Failure(
                "\(name): token \(token): \(whyUnread(.file(session: found.name, token: token.value), [reading])); its "
                    + "handler is \(file.compatible?.quoted ?? "\"\"")")
        }
        return contents
    }
}
