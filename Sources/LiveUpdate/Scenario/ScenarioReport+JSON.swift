import Handover

extension DocumentWriter {
    /// Writes the report as an object.
    public mutating func report(_ report: ScenarioReport) {
        object { writer in
            writer.member("title", report.scenario.title)
            writer.member("about", report.scenario.about)
            if report.scenario.isAsDocumented { writer.member("as_documented", true) }
            writer.member("steps", objects: report.entries) { $0.entry($1) }
            writer.member("passed", report.hasPassed)
        }
    }

    private mutating func entry(_ entry: ScenarioReport.Entry) {
        member("step", entry.number)
        member("kernel", entry.kernel)
        if entry.isBoot { member("boot", true) }
        member("does", entry.sentence)
        member("note", entry.note)
        member("events", objects: entry.events, compact: true) { $0.event($1) }
        switch entry.result {
        case nil: member("result", ScenarioReport.ok)
        case .errno(let errno): member("result", errno.kernelName)
        case .problem: break
        }
        if let race = entry.race { member("race") { $0.race(race) } }
        if !entry.moves.isEmpty { member("owners", numbers: entry.moves.map { ($0.name, Int64($0.to)) }) }
        if !entry.problems.isEmpty { member("problems", strings: entry.problems) }
    }

    private mutating func event(_ event: Event) {
        switch event {
        case .callback(let call):
            member("event", "call")
            member(call.subject.rawValue, call.name)
            member("operation", call.operation.rawValue)
            member("data", hex: call.data)
            member("token", hex: call.token)
            member("error", call.error?.kernelName)
        case .count(let flb, let direction, let from, let to):
            member("event", "count")
            member("flb", flb)
            member("direction", direction.rawValue)
            key("from")
            number(from)
            key("to")
            number(to)
        case .message(let text):
            member("event", "message")
            member("text", text)
        case .warning(let text):
            member("event", "warning")
            member("text", text)
        }
    }

    private mutating func race(_ race: RaceReport) {
        member("interleavings", race.count)
        member("complete", race.isComplete)
        member("outcomes", objects: race.outcomes) { writer, element in
            let (outcome, count, schedule) = element
            writer.member("count", count)
            writer.member("gives", lists: outcome.results)
            writer.member("calls", lists: outcome.flbCalls)
            writer.member("outgoing", numbers: outcome.counts.map { ($0.flb, $0.outgoing) })
            writer.member("incoming", numbers: outcome.counts.map { ($0.flb, $0.incoming) })
            writer.member("owners", numbers: outcome.owners.map { ($0.name, Int64($0.references)) })
            writer.member("warnings", strings: outcome.warnings)
            writer.member("schedule", schedule)
        }
        member("schedule", race.schedule)
        member("trace", strings: race.trace)
    }

    private mutating func member(_ key: String, lists: [[String]]) {
        self.key(key)
        ArrayCodec(ArrayCodec(StringCodec()), compact: true).write(lists, to: &self)
    }

    /// Writes a member with a number for each name; for duplicate names, the first number.
    private mutating func member(_ key: String, numbers: [(String, Int64)]) {
        self.key(key)
        let numbers = Dictionary(numbers) { first, _ in first }
        DictionaryCodec(SignedNumberCodec(), "").write(numbers, to: &self)
    }
}
