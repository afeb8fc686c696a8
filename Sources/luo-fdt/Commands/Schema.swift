import ArgumentParser
import Handover
import LiveUpdate
import SystemPackage

struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: """
            Prints the JSON Schema of handovers as dump prints and build reads them, of scenarios, or of kinds of \
            content.
            """
    )

    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case handover, scenario, kinds
    }

    @Argument(help: "What to describe: handover; scenario, which simulate plays; or kinds, which --kinds accepts.")
    var subject = Subject.handover

    func run() throws {
        let output = OutputStream(.standardOutput)
        var writer = DocumentWriter { output.write($0) }
        switch subject {
        case .handover: writer.writeSchema()
        case .kinds: writer.writeKindsSchema()
        case .scenario: writer.writeScenarioSchema()
        }
        output.flush()
    }
}
