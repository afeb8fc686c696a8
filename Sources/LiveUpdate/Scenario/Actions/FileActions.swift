struct Write: ScenarioAction {
    static let verb = "write"
    let file: String
    let text: String
    let offset: UInt64

    init(_ object: inout StrictObject) throws {
        file = try object.string("file", "the name of a file")
        text = try object.string("text", "what is written")
        offset = try object.optionalNumber("at", "the offset in bytes") ?? 0
    }

    var sentence: String { "write \"\(text)\" to file \(file) at \(offset)" }

    var names: [ScenarioName] { [ScenarioName(.file, file)] }

    func perform(in run: inout ScenarioRun) throws {
        try run.memfd(file).write(Array(text.utf8), at: offset)
    }
}

struct Read: ScenarioAction {
    static let verb = "read"
    let file: String
    let text: String
    let offset: UInt64
    let size: UInt64?
    let position: UInt64?

    init(_ object: inout StrictObject) throws {
        file = try object.string("file", "the name of a file")
        text = try object.string("text", "what is to be read")
        offset = try object.optionalNumber("at", "the offset in bytes") ?? 0
        size = try object.optionalNumber("size", "the size that the file is to have, in bytes")
        position = try object.optionalNumber("pos", "the position that the file is to have, in bytes")
    }

    var sentence: String { "read \"\(text)\" from file \(file) at \(offset)" }

    var names: [ScenarioName] { [ScenarioName(.file, file)] }

    func perform(in run: inout ScenarioRun) throws {
        let memfd = try run.memfd(file)
        let found = String(decoding: memfd.read(at: offset, count: text.utf8.count), as: UTF8.self)
        guard found == text else {
            throw ScenarioProblem("file \(file) has \"\(found)\" at \(offset), not \"\(text)\"")
        }
        if let size, memfd.size != size {
            throw ScenarioProblem("file \(file) has \(memfd.size) bytes, not \(size)")
        }
        if let position, memfd.position != position {
            throw ScenarioProblem("file \(file) is at \(memfd.position), not at \(position)")
        }
    }
}
