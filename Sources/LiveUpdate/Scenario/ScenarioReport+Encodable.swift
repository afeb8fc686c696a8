import Handover

extension ScenarioReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case title, about, asDocumented = "as_documented", steps, passed
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scenario.title, forKey: .title)
        try container.encodeIfPresent(scenario.about, forKey: .about)
        if scenario.isAsDocumented { try container.encode(true, forKey: .asDocumented) }
        try container.encode(entries, forKey: .steps)
        try container.encode(hasPassed, forKey: .passed)
    }
}

extension ScenarioReport.Entry: Encodable {
    private enum CodingKeys: String, CodingKey {
        case step, kernel, boot, does, note, events, result, race, owners, problems
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(number, forKey: .step)
        try container.encode(kernel, forKey: .kernel)
        if isBoot { try container.encode(true, forKey: .boot) }
        try container.encode(sentence, forKey: .does)
        try container.encodeIfPresent(note, forKey: .note)
        try container.encode(events, forKey: .events)
        if case .errno(let errno) = result {
            try container.encode(errno.kernelName, forKey: .result)
        } else if result == nil {
            try container.encode(ScenarioReport.ok, forKey: .result)
        }
        try container.encodeIfPresent(race, forKey: .race)
        if !moves.isEmpty {
            let references = moves.map { ($0.name, $0.to) }
            try container.encode(Dictionary(references) { first, _ in first }, forKey: .owners)
        }
        if !problems.isEmpty { try container.encode(problems, forKey: .problems) }
    }
}

extension Event: Encodable {
    private enum CodingKeys: String, CodingKey {
        case event, flb, handler, operation, data, token, error, direction, from, to, text
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .callback(let call):
            try container.encode("call", forKey: .event)
            try container.encode(call.name, forKey: call.subject == .flb ? .flb : .handler)
            try container.encode(call.operation.rawValue, forKey: .operation)
            // As in all documents, numbers that other JSON readers would round are strings.
            try container.encodeIfPresent(call.data?.prefixedHex, forKey: .data)
            try container.encodeIfPresent(call.token?.prefixedHex, forKey: .token)
            try container.encodeIfPresent(call.error?.kernelName, forKey: .error)
        case .count(let flb, let direction, let from, let to):
            try container.encode("count", forKey: .event)
            try container.encode(flb, forKey: .flb)
            try container.encode(direction.rawValue, forKey: .direction)
            try container.encode(from, forKey: .from)
            try container.encode(to, forKey: .to)
        case .message(let text):
            try container.encode("message", forKey: .event)
            try container.encode(text, forKey: .text)
        case .warning(let text):
            try container.encode("warning", forKey: .event)
            try container.encode(text, forKey: .text)
        }
    }
}
