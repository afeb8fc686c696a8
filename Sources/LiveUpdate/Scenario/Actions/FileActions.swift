extension ActionForm {
    static let files = [
        ActionForm("write") { object in
            let file = try object.name(.file)
            let text = try object.string("text", "what is written")
            let offset = try object.optionalNumber("at", "the offset in bytes") ?? 0
            return ScenarioAction("write \"\(text)\" to file \(file) at \(offset)", .memory) { run in
                try run.memfd(file).write(Array(text.utf8), at: offset)
            }
        },
        ActionForm("read") { object in
            let file = try object.name(.file)
            let text = try object.string("text", "what is to be read")
            let offset = try object.optionalNumber("at", "the offset in bytes") ?? 0
            let size = try object.optionalNumber("size", "the size that the file is to have, in bytes")
            let position = try object.optionalNumber("pos", "the position that the file is to have, in bytes")
            return ScenarioAction("read \"\(text)\" from file \(file) at \(offset)", .memory) { run in
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
        },
    ]
}
