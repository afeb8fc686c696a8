import KernelABI

extension HandoverDocument {
    /// The part of an input that was found by a search, and that nothing refers to.
    private static let foundPart = "found"

    /// Whether it was found by a search, rather than handed over.
    public var isFound: Bool { part == Self.foundPart }

    fileprivate init(found: LostSessions, memory: any PhysicalMemory, notes: [Note]) {
        self.init(found.reading, memory: memory, blobs: [])
        part = Self.foundPart
        self.notes = notes + found.notes
    }
}

extension InputContext {
    /// Searches the memory for what does not belong to `documents`; `nil` if there is nothing.
    func search(beside documents: [HandoverDocument]) -> HandoverDocument? {
        guard let main = documents.first(where: { !$0.memory.regions.isEmpty }) else { return nil }
        let reader = HandoverReader(
            memory: main.memory, pageSize: main.pageSize, generation: options.generation, among: options.generations)
        let own = main.reading.state.kexecCount
        let notes = (main.reading.state.kho?.staleRoots ?? []).compactMap { root -> HandoverDocument.Note? in
            guard let own, own > 0, let stale = try? reader.read(rootAt: root),
                stale.state.kexecCount == own - 1
            else { return nil }
            let place = main.reading.state.kho?.fdtAddress.map { "\($0)" } ?? "the other root"
            return HandoverDocument.Note(
                name: "root \(root)", text: "is what this kernel received; \(place) is what it prepared for the next")
        }
        return search(
            in: main.memory, main.pageSize, main.reading.state.generation, known: documents.flatMap(\.reading.extents),
            notes: notes)
    }

    /// Searches memory that contains no root.
    func search(in image: MemoryImage) -> HandoverDocument? {
        let memory = MemoryImage(joining: [image] + [self.memory].compactMap { $0 }).memory
        return search(in: memory, pageSizes(for: memory)[0], nil, known: [], notes: [])
    }

    private func search(
        in memory: any PhysicalMemory, _ pageSize: PageSize, _ generation: Generation?, known: [Extent],
        notes: [HandoverDocument.Note]
    ) -> HandoverDocument? {
        let found = LostSessions(
            in: memory, pageSize: pageSize, generation: options.generation ?? generation ?? .latest, known: known,
            progress: progress)
        if found.notes.isEmpty, notes.isEmpty { return nil }
        return HandoverDocument(found: found, memory: memory, notes: notes)
    }
}
