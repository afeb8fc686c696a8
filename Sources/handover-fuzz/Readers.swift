import FDT
import Handover
import KernelABI
import LiveUpdate
import SystemPackage

/// Processes a handover as `dump`, `check`, `diff` and `collect` do.
func readHandover(_ subject: CheckSubject, isWritten: Bool) {
    if isWritten, let reading = subject.reading {
        var writer = DocumentWriter { _ in }
        writer.write(reading.state)
        _ = reading.state.contentsExtents
        let side = HandoverDiff.Side(state: reading.state, memory: subject.memory)
        _ = HandoverDiff(side, side)
        _ = reading.exactState(in: subject.memory)
    }
    _ = HandoverCheck(subject).verdict
}

/// Memory that begins with a root FDT.
func readRoot(_ bytes: [UInt8]) {
    var memory = SparseMemory(pageSize: 4096)
    let root = PhysicalAddress(0x1000)
    try? memory.write(bytes, at: root)
    readHandover(CheckSubject(memory: memory, rootAt: root), isWritten: true)
}

/// A standalone blob.
func readBlobs(_ bytes: [UInt8]) {
    let reader = HandoverReader(memory: EmptyMemory(), pageSize: .kib4)
    for name in Generation.latest.subtrees { _ = try? reader.read(subtree: name, bytes) }
    _ = try? reader.read(flbs: Array(bytes.prefix(65536)))
}

/// A file of any kind.
func readFile(_ bytes: [UInt8]) {
    let source = InputSource(file: MappedFile(bytes: bytes, name: "fuzz"))
    var options = InputOptions()
    options.searchesWithoutRoot = true
    guard let input = try? HandoverInput(source, options: options) else { return }
    for document in input.documents { readHandover(CheckSubject(document), isWritten: true) }
}

/// A flattened device tree, read by both readers: if libfdt accepts it, there must be no damage.
func readTree(_ bytes: [UInt8]) {
    let partial = PartialTree(bytes)
    for node in partial.nodes {
        _ = partial.path(of: node)
        for property in node.properties { _ = (property.name, property.strings, property.cells) }
    }
    guard let tree = try? FlattenedTree(bytes) else { return }
    precondition(partial.missing.isEmpty, "accepted by libfdt, but \(partial.missing)")
    guard var editor = try? TreeEditor(opening: tree, capacity: bytes.count + 256) else { return }
    _ = try? editor.addSubnode("added")
    try? editor.setProperty("added", of: "/", bytes: [1, 2, 3, 4, 5])
    _ = try? editor.pack()
}

/// A handover's document: if it can be built without force, it must be complete when read back.
func readDocument(_ text: [UInt8]) {
    guard let state = try? DocumentReader.read(text) else { return }
    var options = HandoverPlanner.Options()
    for isForced in [false, true] {
        options.force = isForced
        guard
            let plan = try? HandoverPlanner.plan(
                state, options: options, sizeOfFile: { name throws(FileError) in try noFile(name) }),
            let image = try? HandoverImage(of: plan, contents: { name throws(FileError) in try noFile(name) }),
            let root = image.rootAddress
        else { continue }
        let subject = CheckSubject(memory: image.memory, rootAt: root, pageSize: plan.pageSize ?? .kib4)
        readHandover(subject, isWritten: true)
        guard !isForced, let reading = subject.reading else { continue }
        precondition(!reading.isDamaged, "built without force, but \(reading.findings)")
        return
    }
}

/// A scenario.
func readScenario(_ text: [UInt8]) {
    guard let scenario = try? Scenario.read(text) else { return }
    _ = scenario.run()
}

/// A handover with several kinds of payloads, to be read with descriptions of them.
struct DescribedHandover: Sendable {
    private let image: HandoverImage
    private let root: PhysicalAddress

    init?() {
        var options = HandoverPlanner.Options()
        guard (try? options.kinds.add("Fixtures/kinds/rings.json")) != nil,
            let state = try? DocumentReader.read("Fixtures/kinds/rings-handover.json"),
            let plan = try? HandoverPlanner.plan(
                state, options: options, sizeOfFile: { name throws(FileError) in try noFile(name) }),
            let image = try? HandoverImage(of: plan, contents: { name throws(FileError) in try noFile(name) }),
            let root = image.rootAddress
        else { return nil }
        (self.image, self.root) = (image, root)
    }

    func read(withKinds text: [UInt8]) {
        var kinds = ContentKinds.standard
        guard (try? kinds.add(text)) != nil else { return }
        readHandover(CheckSubject(memory: image.memory, rootAt: root, kinds: kinds), isWritten: true)
    }
}

private func noFile(_ name: String) throws(FileError) -> Never {
    throw FileError.isDirectory(path: FilePath(name))
}
