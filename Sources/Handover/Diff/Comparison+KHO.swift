import KernelABI

// What is special about the root FDT, and the map of preserved memory.
extension Comparison {
    /// The generation, unless one of those that fit is the same on both sides.
    mutating func compareGenerations(_ subject: Subject) {
        let names = [before, after].map { side in
            Set(([side.state.generation] + side.otherGenerations).compactMap { $0?.name })
        }
        guard names[0].isDisjoint(with: names[1]) else { return }
        let (old, new) = (before.state, after.state)
        compare(subject, old.generation?.name ?? old.kernel, new.generation?.name ?? new.kernel)
    }

    mutating func compareSubtrees(_ before: KHOState?, _ after: KHOState?) {
        var (old, new) = (before?.subtrees ?? [], after?.subtrees ?? [])
        // A standalone blob is named after its file.
        if before?.fdtSize == nil, after?.fdtSize == nil, old.count == 1, new.count == 1 { new[0].name = old[0].name }
        for pair in pairs(old, new, by: \.name) {
            guard let name = (pair.before ?? pair.after)?.name else { continue }
            let subject = Subject("subtree \(name.quoted)")
            if pair.before != nil, pair.after != nil {
                SubtreeState.form.compare(pair.before, pair.after, subject, by: &self)
                continue
            }
            // A document that does not list subtrees has those that follow from the rest of it.
            let (root, side) = pair.before == nil ? (before, self.before) : (after, self.after)
            let follows = (side.state.generation ?? .latest).subtrees.contains { KernelString($0) == name }
            if root?.subtrees == nil, side.absence == .unstated, follows { continue }
            note(subject, pair.before.map { _ in "" }, pair.after.map { _ in "" })
        }
    }

    /// Compares blobs, which have no bytes of their own where the rest of the state describes them.
    mutating func compareBlob(_ subject: Subject, _ before: [UInt8]?, _ after: [UInt8]?) {
        guard before != after else { return }
        if before == nil || after == nil, self.before.absence == .unknown || self.after.absence == .unknown {
            noteUncompared(subject, before != nil, after != nil)
        } else {
            let texts = Self.texts(of: before, after, orElse: "described")
            note(subject, texts.before, texts.after)
        }
    }

    mutating func comparePreserved(_ before: PreservedState?, _ after: PreservedState?) {
        guard let before, let after else {
            if before != nil || after != nil {
                noteMissing(
                    Subject("map of preserved memory"), before.map { _ in "present" }, after.map { _ in "present" })
            } else if self.before.absence == .unknown, self.after.absence == .unknown,
                self.before.state.kho?.preservedMemoryMap != nil
            {
                noteUncompared(Subject("map of preserved memory"), false, false)
            }
            return
        }
        let old = before.ranges ?? []
        let new = after.ranges ?? []
        let count = changes.count
        let memory = Subject("preserved memory", isLayout: true)
        let tables = Subject("map of preserved memory, its tables", isLayout: true)
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
        PreservedState.form.compare(before, after, memory, by: &self)
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
