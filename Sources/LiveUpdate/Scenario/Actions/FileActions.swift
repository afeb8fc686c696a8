extension ActionForm {
    static let files = [
        ActionForm("write", [.file, .text("what is written"), .offset], .memory) {
            "write \"\($0.text)\" to file \($0.file) at \($0.offset)"
        } perform: { step, run in
            try run.memfd(step.file).write(Array(step.text.utf8), at: step.offset)
        },
        ActionForm("read", [.file, .text("what is to be read"), .offset, .size, .position], .memory) {
            "read \"\($0.text)\" from file \($0.file) at \($0.offset)"
        } perform: { step, run in
            let memfd = try run.memfd(step.file)
            let found = String(decoding: memfd.read(at: step.offset, count: step.text.utf8.count), as: UTF8.self)
            guard found == step.text else {
                throw ScenarioProblem("file \(step.file) has \"\(found)\" at \(step.offset), not \"\(step.text)\"")
            }
            if let size = step.size, memfd.size != size {
                throw ScenarioProblem("file \(step.file) has \(memfd.size) bytes, not \(size)")
            }
            if let position = step.position, memfd.position != position {
                throw ScenarioProblem("file \(step.file) is at \(memfd.position), not at \(position)")
            }
        },
    ]
}
