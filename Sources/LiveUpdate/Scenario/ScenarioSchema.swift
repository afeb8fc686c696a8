import Handover
import SystemPackage

extension DocumentWriter {
    /// Writes the JSON Schema of scenarios.
    public mutating func writeScenarioSchema() {
        schema("A scenario of live updates", of: Scenario.form) { writer in
            writer.key("error")
            DocumentSchema.stringChoice(Errno.kernelNames).write(to: &writer)
            writer.key("result")
            DocumentSchema.stringChoice([ScenarioReport.ok] + Errno.kernelNames).write(to: &writer)
        }
        finish()
    }
}

extension ActionForm {
    /// Writes the definition of a step, which is one of all actions, and those of the actions' members, unless already
    /// written.
    static func writeDefinitions(to writer: inout DocumentWriter, besides written: inout Set<String>) {
        guard written.insert("step").inserted else { return }
        writer.member("step") { writer in
            writer.key("oneOf")
            writer.array { writer in
                for action in all {
                    writer.element()
                    action.form.writeDefinition(to: &writer)
                }
            }
        }
        for action in all { action.form.writeMemberDefinitions(to: &writer, besides: &written) }
    }
}
