import ArgumentParser
import Handover
import SystemPackage

struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the JSON Schema of the documents that dump prints and build reads.")

    func run() {
        let output = OutputStream(.standardOutput)
        var writer = DocumentWriter { output.write($0) }
        writer.writeSchema()
        output.flush()
    }
}
