import Handover
import SystemPackage

extension DocumentWriter {
    /// Writes the JSON Schema of scenarios.
    public mutating func writeScenarioSchema() {
        schema("A scenario of live updates", of: Scenario.form.name) { writer in
            Scenario.form.writeSchema(to: &writer)
            Scenario.HandlerDefinition.form.writeSchema(to: &writer)
            Scenario.FLBDefinition.form.writeSchema(to: &writer)
            Scenario.FileDefinition.form.writeSchema(to: &writer)
            OperationSteps.form.writeSchema(to: &writer)
            writer.member("step") { writer in
                writer.key("oneOf")
                writer.array { writer in
                    for action in ActionForm.all {
                        writer.element()
                        action.form.writeDefinition(to: &writer)
                    }
                }
            }
            RaceExpectation.form.writeSchema(to: &writer)
            writer.key("error")
            DocumentSchema.stringChoice(Errno.kernelNames).write(to: &writer)
            writer.key("result")
            DocumentSchema.stringChoice([ScenarioReport.ok] + Errno.kernelNames).write(to: &writer)
        }
        finish()
    }
}
