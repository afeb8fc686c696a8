import KernelABI

// Comparison of the root FDT, and of the map of preserved memory.
extension Comparison {
    /// Compares the generations. Both sides may match several; they are equal if they have one in common.
    mutating func compareGenerations(_ subject: Subject) {
        let names = [before, after].map { side in
            Set(([side.state.generation] + side.otherGenerations).compactMap { $0?.name })
        }
        guard names[0].isDisjoint(with: names[1]) else { return }
        let (old, new) = (before.state, after.state)
        compare(.init(old.generation?.name ?? old.kernel, new.generation?.name ?? new.kernel, subject))
    }

    mutating func compareSubtrees(_ roots: Pair<KHOState>) {
        var (old, new) = (roots.before?.subtrees ?? [], roots.after?.subtrees ?? [])
        // A standalone blob is named after its file.
        if roots.before?.fdtSize == nil, roots.after?.fdtSize == nil, old.count == 1, new.count == 1 {
            new[0].name = old[0].name
        }
        for pair in pairs(old, new, by: \.name) {
            guard let name = (pair.before ?? pair.after)?.name else { continue }
            let subject = Subject("subtree \(name.quoted)")
            if pair.before != nil, pair.after != nil {
                SubtreeState.form.compare(.init(pair.before, pair.after, subject), by: &self)
                continue
            }
            // If a document does not list subtrees, its subtrees follow from the rest of it.
            let (root, side) = pair.before == nil ? (roots.before, before) : (roots.after, after)
            let follows = (side.state.generation ?? .latest).subtrees.contains { KernelString($0) == name }
            if root?.subtrees == nil, side.absence == .unstated, follows { continue }
            note(subject, pair.before.map { _ in "" }, pair.after.map { _ in "" })
        }
    }

    /// Compares blobs, which are `nil` if the rest of the state describes their bytes.
    mutating func compareBlobs(_ blobs: Pair<[UInt8]>) {
        guard blobs.before != blobs.after else { return }
        if blobs.both == nil, before.absence == .unknown || after.absence == .unknown {
            noteUncompared(blobs.subject, blobs.before != nil, blobs.after != nil)
        } else {
            let texts = Self.texts(of: blobs.before, blobs.after, orElse: "described")
            note(blobs.subject, texts.before, texts.after)
        }
    }

    /// - Parameter maps: The maps of both sides; the subject is the map.
    mutating func comparePreserved(_ maps: Pair<PreservedState>) {
        guard let (before, after) = maps.both else {
            if maps.before != nil || maps.after != nil {
                noteMissing(maps.map { _ in "present" })
            } else if self.before.absence == .unknown, self.after.absence == .unknown,
                self.before.state.kho?.preservedMemoryMap != nil
            {
                noteUncompared(maps.subject, false, false)
            }
            return
        }
        let old = before.ranges ?? []
        let new = after.ranges ?? []
        let count = changes.count
        let memory = Subject("preserved memory", isLayout: true)
        let tables = maps.subject.part("its tables").layout
        // When ignoring addresses, moved memory is the same memory.
        for range in old.flatMap({ $0.pieces(notIn: new) }) where !self.after.mapIsIncomplete {
            note(memory, Self.text(of: range))
        }
        for range in new.flatMap({ $0.pieces(notIn: old) }) where !self.before.mapIsIncomplete {
            note(memory, nil, Self.text(of: range))
        }
        if self.before.mapIsIncomplete || self.after.mapIsIncomplete {
            // A damaged pointer refers to something missing, and is still a difference.
            let pointers = Self.pointers(of: before.map)
            if Self.pointers(of: after.map).contains(where: { pointers[$0] ?? $1 != $1 }) {
                note(tables)
            }
            noteUncompared(
                Subject("some of the map of preserved memory", isLayout: true), !self.before.mapIsIncomplete,
                !self.after.mapIsIncomplete)
            return
        }
        PreservedState.form.compare(maps.of(memory), by: &self)
        // Neither ranges nor blocks show where a bitmap begins, if it is within a block.
        if changes.count == count, let old = before.map, let new = after.map, old != new, !isMoved {
            note(tables)
        }
    }

    /// The pointers of the chunks in a map of bitmaps, by the chunks' addresses.
    private static func pointers(of map: PreservedState.Map?) -> [PhysicalAddress: [PhysicalAddress?]] {
        guard case .chunks(let chunks) = map else { return [:] }
        let pairs = chunks.compactMap { chunk in
            chunk.address.map { ($0, chunk.bitmaps.flatMap { [$0.start, $0.address] }) }
        }
        return Dictionary(pairs) { first, _ in first }
    }

    private static func text(of range: Range<PhysicalAddress>) -> String {
        "\(range.lowerBound) to \(range.upperBound)"
    }
}
