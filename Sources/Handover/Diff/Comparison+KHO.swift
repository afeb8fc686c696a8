import KernelABI

// Compares the root FDT, and the map of preserved memory.
extension Comparison {
    mutating func compareRoot(_ before: KHOState?, _ after: KHOState?) {
        compare("root FDT, compatible", before?.compatible, after?.compatible)
        var (old, new) = (before?.subtrees ?? [], after?.subtrees ?? [])
        // A standalone blob is named after its file.
        if before?.fdtSize == nil, after?.fdtSize == nil, old.count == 1, new.count == 1 { new[0].name = old[0].name }
        for pair in pairs(old, new, by: \.name) {
            guard let name = (pair.before ?? pair.after)?.name else { continue }
            let subject = "subtree \(name.quoted)"
            guard let old = pair.before, let new = pair.after else {
                // If a document does not list subtrees, they follow from the rest of it.
                let (root, side) = pair.before == nil ? (before, self.before) : (after, self.after)
                let follows = (side.state.generation ?? .latest).subtrees.contains { KernelString($0) == name }
                if root?.subtrees == nil, side.absence == .unstated, follows { continue }
                note(subject, pair.before.map { _ in "" }, pair.after.map { _ in "" })
                continue
            }
            if old.data != new.data {
                if old.data == nil || new.data == nil, self.before.absence == .unknown || self.after.absence == .unknown
                {
                    noteUncompared("\(subject), data", old.data != nil, new.data != nil)
                } else {
                    let texts = Self.texts(of: old.data, new.data, orElse: "described")
                    note("\(subject), data", texts.before, texts.after)
                }
            }
            compareContent(subject, old.content, new.content)
            compareLayout("\(subject), address", old.address, new.address)
            compareLayout("\(subject), size", old.size, new.size)
        }
        compareLayout("root FDT, address", before?.fdtAddress, after?.fdtAddress)
        compareLayout("root FDT, size", before?.fdtSize, after?.fdtSize)
        compareLayout(
            "map of preserved memory, address", self.before.written(before?.preservedMemoryMap),
            self.after.written(after?.preservedMemoryMap))
    }

    mutating func comparePreserved(_ before: PreservedState?, _ after: PreservedState?) {
        guard let before, let after else {
            if before != nil || after != nil {
                noteMissing("map of preserved memory", before.map { _ in "present" }, after.map { _ in "present" })
            } else if self.before.absence == .unknown, self.after.absence == .unknown,
                self.before.state.kho?.preservedMemoryMap != nil
            {
                noteUncompared("map of preserved memory", false, false)
            }
            return
        }
        let old = before.ranges ?? []
        let new = after.ranges ?? []
        let count = changes.count
        // When ignoring addresses, moved memory is the same memory.
        for range in old.flatMap({ $0.pieces(notIn: new) }) where !self.after.mapIsIncomplete {
            note("preserved memory", Self.text(of: range), nil, isLayout: true)
        }
        for range in new.flatMap({ $0.pieces(notIn: old) }) where !self.before.mapIsIncomplete {
            note("preserved memory", nil, Self.text(of: range), isLayout: true)
        }
        if self.before.mapIsIncomplete || self.after.mapIsIncomplete {
            // A damaged pointer refers to something missing, and is still a difference.
            let pointers = Self.pointers(of: before.map)
            if Self.pointers(of: after.map).contains(where: { pointers[$0] ?? $1 != $1 }) {
                note("map of preserved memory, its tables", nil, nil, isLayout: true)
            }
            let isBeforeWhole = !self.before.mapIsIncomplete
            noteUncompared(
                "some of the map of preserved memory", isBeforeWhole, !self.after.mapIsIncomplete, isLayout: true)
            return
        }
        compareLayout("preserved pages", before.pages, after.pages)
        for order in Set((before.blocksByOrder ?? [:]).keys).union((after.blocksByOrder ?? [:]).keys).sorted()
        where before.blocksByOrder != nil && after.blocksByOrder != nil {
            compareLayout(
                "preserved blocks of order \(order)", before.blocksByOrder?[order] ?? 0,
                after.blocksByOrder?[order] ?? 0)
        }
        // Neither ranges nor blocks show where a bitmap begins, if it is within a block.
        if changes.count == count, let old = before.map, let new = after.map, old != new, !isMoved {
            note("map of preserved memory, its tables", nil, nil, isLayout: true)
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
