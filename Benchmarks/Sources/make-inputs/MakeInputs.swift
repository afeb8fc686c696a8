import ArgumentParser
import SystemPackage
import Workloads

@main
struct MakeInputs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make-inputs",
        abstract: "Makes the files that luo-fdt is measured with: the same ones for the same seed.",
        discussion: """
            Files that are there already are left alone, but for --force. All of them take 7 GB.

            \(InputFile.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))
            """)

    @Argument(help: "The directory, which has to be there.", transform: { FilePath($0) })
    var directory: FilePath

    @Option(help: "What makes one set of files differ from another.")
    var seed: UInt64 = 1

    @Option(help: "Make this file alone; may be given several times.")
    var only: [String] = []

    @Flag(help: "Make files anew that are there already.")
    var force = false

    func validate() throws {
        for name in only where !InputFile.all.contains(where: { $0.name == name }) {
            throw ValidationError("there is no file \(name)")
        }
    }

    func run() throws {
        for file in InputFile.all where only.isEmpty || only.contains(file.name) {
            if !force, Self.exists(directory.appending(file.name)) { continue }
            print("\(file.name): \(file.summary)")
            try file.write(into: directory, seed: seed)
        }
    }

    private static func exists(_ path: FilePath) -> Bool {
        (try? FileDescriptor.open(path, .readOnly).close()) != nil
    }
}
