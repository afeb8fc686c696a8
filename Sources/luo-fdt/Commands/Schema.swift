import ArgumentParser
import FoundationEssentials
import Handover
import LiveUpdate
import SystemPackage

struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the JSON Schema of the documents that dump prints and build reads, or of scenarios.")

    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case handover, scenario
    }

    @Argument(help: "What to describe: handover, or scenario, which simulate plays.")
    var subject = Subject.handover

    func run() throws {
        let output = OutputStream(.standardOutput)
        switch subject {
        case .handover:
            var writer = DocumentWriter { output.write($0) }
            writer.writeSchema()
        case .scenario:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            output.write(Array(try encoder.encode(ScenarioSchema())))
            output.write("\n")
        }
        output.flush()
    }
}
