import KernelABI

/// Visits all parts of two handovers, and notes what is not the same.
struct Comparison {
    let before: HandoverDiff.Side
    let after: HandoverDiff.Side
    private(set) var changes: [HandoverDiff.Change] = []
    private(set) var uncompared: [HandoverDiff.Uncompared] = []
    private let regions: (before: [Range<PhysicalAddress>], after: [Range<PhysicalAddress>])
    /// How many pages of contents may still be compared: as many as there are.
    private var pagesToCompare: UInt64
    private let ignoresContents: Bool

    init(before: HandoverDiff.Side, after: HandoverDiff.Side, ignoringContents: Bool) {
        ignoresContents = ignoringContents
        self.before = before
        self.after = after
        regions = (before.memory?.regions ?? [], after.memory?.regions ?? [])
        let size = (regions.before + regions.after).reduce(0) {
            $0 &+ ($1.upperBound.rawValue - $1.lowerBound.rawValue) / UInt64(PageSize.kib4.bytes) &+ 1
        }
        pagesToCompare = size
    }

    mutating func compare() {
        let (old, new) = (before.state, after.state)
        let fitting = [before, after].map { side in
            Set(([side.state.generation] + side.otherGenerations).compactMap { $0?.name })
        }
        if fitting[0].isDisjoint(with: fitting[1]) {
            compare("generation", old.generation?.name ?? old.kernel, new.generation?.name ?? new.kernel)
        }
        compare("page size", old.pageSize, new.pageSize)
        if let before = old.machine, let after = new.machine { compare("machine", before.rawValue, after.rawValue) }
        compareRoot(old.kho, new.kho)
        compareLUO(old.luo, new.luo)
        for kind in ContentKinds.codedSubtrees { kind.compare(old, new, by: &self) }
        comparePreserved(old.preserved, new.preserved)
        compareResidue(old.residue ?? [], new.residue ?? [])
        compareUndescribedMemory()
    }

    // MARK: - Noting

    mutating func note(_ subject: String, _ before: String?, _ after: String?, isLayout: Bool = false) {
        changes.append(HandoverDiff.Change(subject: subject, before: before, after: after, isLayout: isLayout))
    }

    /// Notes two values that differ, and one that is on one side alone.
    mutating func compare<Value: Equatable>(
        _ subject: @autoclosure () -> String, _ before: Value?, _ after: Value?, isLayout: Bool = false
    ) {
        if let before, let after {
            if before != after { note(subject(), Self.text(before), Self.text(after), isLayout: isLayout) }
        } else if before != nil || after != nil {
            noteMissing(subject(), before.map { Self.text($0) }, after.map { Self.text($0) }, isLayout: isLayout)
        }
    }

    /// Notes a value that one side lacks, or that is another one.
    mutating func noteMissing(_ subject: String, _ before: String?, _ after: String?, isLayout: Bool = false) {
        let absence = before == nil ? self.before.absence : after == nil ? self.after.absence : .missing
        switch absence {
        case .unstated: break
        case .missing: note(subject, before ?? "missing", after ?? "missing", isLayout: isLayout)
        case .unknown: noteUncompared(subject, before != nil, after != nil, isLayout: isLayout)
        }
    }

    private mutating func noteUncompared(
        _ subject: String, _ isInBefore: Bool, _ isInAfter: Bool, isLayout: Bool = false
    ) {
        uncompared.append(
            HandoverDiff.Uncompared(
                subject: subject, isInBefore: isInBefore, isInAfter: isInAfter, isLayout: isLayout))
    }

    /// The lists of both sides, if both are known or stand for none; else notes that they are not.
    mutating func lists<Element>(
        _ subject: String, _ before: [Element]?, _ after: [Element]?
    ) -> (before: [Element], after: [Element])? {
        if let before, let after { return (before, after) }
        let isBeforeOpen = before == nil && self.before.absence != .unstated
        let isAfterOpen = after == nil && self.after.absence != .unstated
        guard isBeforeOpen || isAfterOpen else { return (before ?? [], after ?? []) }
        if before == nil, after == nil {
            if self.before.absence == .unknown, self.after.absence == .unknown { noteUncompared(subject, false, false) }
        } else {
            noteMissing(subject, before.map { "\($0.count)" }, after.map { "\($0.count)" })
        }
        return nil
    }

    private static func text<Value>(_ value: Value) -> String {
        switch value {
        case let string as KernelString: string.quoted + (string.isTerminated ? "" : " without a NUL")
        case let bytes as [UInt8]: "\(bytes.count) bytes"
        default: "\(value)"
        }
    }

    /// Pairs the elements of two lists by a key; elements of one key are paired in their order.
    func pairs<Element, Key: Hashable>(
        _ before: [Element], _ after: [Element], by key: (Element) -> Key
    ) -> [(before: Element?, after: Element?)] {
        if before.elementsEqual(after, by: { key($0) == key($1) }) { return zip(before, after).map { ($0, $1) } }
        var rest: [Key: [Element]] = [:]
        for element in after.reversed() { rest[key(element), default: []].append(element) }
        var pairs: [(before: Element?, after: Element?)] = before.map { ($0, rest[key($0)]?.popLast()) }
        for element in after where rest[key(element)]?.isEmpty == false {
            _ = rest[key(element)]?.popLast()
            pairs.append((nil, element))
        }
        return pairs
    }

    // MARK: - KHO

    private mutating func compareRoot(_ before: KHOState?, _ after: KHOState?) {
        compare("root FDT, compatible", before?.compatible, after?.compatible)
        var (old, new) = (before?.subtrees ?? [], after?.subtrees ?? [])
        // A standalone blob is named after its file.
        if before?.fdtSize == nil, after?.fdtSize == nil, old.count == 1, new.count == 1 { new[0].name = old[0].name }
        for pair in pairs(old, new, by: \.name) {
            guard let name = (pair.before ?? pair.after)?.name else { continue }
            let subject = "subtree \(name.quoted)"
            guard let old = pair.before, let new = pair.after else {
                // A document that does not list subtrees has those that follow from the rest of it.
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
            compare("\(subject), address", old.address, new.address, isLayout: true)
            compare("\(subject), size", old.size, new.size, isLayout: true)
        }
        compare("root FDT, address", before?.fdtAddress, after?.fdtAddress, isLayout: true)
        compare("root FDT, size", before?.fdtSize, after?.fdtSize, isLayout: true)
        compare(
            "map of preserved memory, address", self.before.written(before?.preservedMemoryMap),
            self.after.written(after?.preservedMemoryMap), isLayout: true)
    }

    private mutating func comparePreserved(_ before: PreservedState?, _ after: PreservedState?) {
        guard let before, let after else {
            if before != nil || after != nil {
                noteMissing("map of preserved memory", before.map { _ in "there" }, after.map { _ in "there" })
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
        // Memory that moved is the same memory to whoever ignores addresses.
        let gone = Self.subtract(new, from: old)
        let added = Self.subtract(old, from: new)
        for range in gone where !self.after.mapIsIncomplete {
            note("preserved memory", Self.text(of: range), nil, isLayout: true)
        }
        for range in added where !self.before.mapIsIncomplete {
            note("preserved memory", nil, Self.text(of: range), isLayout: true)
        }
        if self.before.mapIsIncomplete || self.after.mapIsIncomplete {
            // A pointer that is damaged leads to what is not there, and is a difference all the same.
            let pointers = Self.pointers(of: before.map)
            if Self.pointers(of: after.map).contains(where: { pointers[$0] ?? $1 != $1 }) {
                note("map of preserved memory, its tables", nil, nil, isLayout: true)
            }
            let isBeforeWhole = !self.before.mapIsIncomplete
            noteUncompared(
                "some of the map of preserved memory", isBeforeWhole, !self.after.mapIsIncomplete, isLayout: true)
            return
        }
        compare("preserved pages", before.pages, after.pages, isLayout: true)
        for order in Set((before.blocksByOrder ?? [:]).keys).union((after.blocksByOrder ?? [:]).keys).sorted()
        where before.blocksByOrder != nil && after.blocksByOrder != nil {
            compare(
                "preserved blocks of order \(order)", before.blocksByOrder?[order] ?? 0,
                after.blocksByOrder?[order] ?? 0, isLayout: true)
        }
        // What neither ranges nor blocks show: where a bitmap begins, within a block.
        if changes.count == count, let old = before.map, let new = after.map, old != new, !isMoved {
            note("map of preserved memory, its tables", nil, nil, isLayout: true)
        }
    }

    /// Where the chunks of a map of bitmaps lead, by their addresses.
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

    /// What of ascending, disjoint ranges others do not cover.
    static func subtract(
        _ others: [Range<PhysicalAddress>], from ranges: [Range<PhysicalAddress>]
    ) -> [Range<PhysicalAddress>] {
        var result: [Range<PhysicalAddress>] = []
        var next = 0
        for range in ranges {
            var start = range.lowerBound
            while next < others.count, others[next].upperBound <= start { next += 1 }
            var place = next
            while place < others.count, others[place].lowerBound < range.upperBound {
                if others[place].lowerBound > start { result.append(start..<others[place].lowerBound) }
                start = max(start, others[place].upperBound)
                place += 1
            }
            if start < range.upperBound { result.append(start..<range.upperBound) }
        }
        return result
    }

    private mutating func compareResidue(_ before: [ResidueState], _ after: [ResidueState]) {
        for pair in pairs(before, after, by: \.address) where pair.before != pair.after {
            guard let residue = pair.before ?? pair.after else { continue }
            let extents = pair.before == nil ? self.after.extents : self.before.extents
            let bytes = [(pair.before, self.before), (pair.after, self.after)].map { known, side in
                known?.data ?? side.memory?.copy(at: residue.address, count: residue.data.count)
            }
            if let old = bytes[0], old == bytes[1] { continue }
            // What a state leaves open that was not read whole says nothing of the bytes.
            if self.before.absence == .unknown || self.after.absence == .unknown, bytes.contains(nil) {
                noteUncompared("bytes at \(extents.place(of: residue.address))", bytes[0] != nil, bytes[1] != nil)
                continue
            }
            let texts = Self.texts(of: pair.before?.data, pair.after?.data, orElse: "what the state gives")
            note(
                "bytes at \(extents.place(of: residue.address.advanced(by: UInt64(texts.same)) ?? residue.address))",
                texts.before, texts.after, isLayout: isMoved)
        }
    }

    /// Whether the structures lie elsewhere on the other side: then bytes at one address are not each other's.
    private var isMoved: Bool { before.extents.map(\.address) != after.extents.map(\.address) }

    /// How many bytes of two pieces are the same before the first that is not, and what each has from there on.
    private static func texts(
        of before: [UInt8]?, _ after: [UInt8]?, orElse absent: String
    ) -> (same: Int, before: String, after: String) {
        var same = 0
        if let before, let after { same = zip(before, after).prefix { $0 == $1 }.count }
        func text(of bytes: [UInt8]?) -> String {
            guard let bytes else { return absent }
            let shown = bytes.dropFirst(same).prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                .joined(separator: " ")
            let place = same > 0 ? "+\(same.prefixedHex) " : ""
            return place + (bytes.count > same + 8 || same > 0 ? "\(shown) … (\(bytes.count) bytes)" : shown)
        }
        return (same, text(of: before), text(of: after))
    }

    // MARK: - Memory that nothing describes

    /// Compares preserved memory that belongs to no structure, no file and no region: payloads of FLBs, and what a
    /// broken link led to.
    private mutating func compareUndescribedMemory() {
        guard !before.extents.isEmpty, !after.extents.isEmpty, let pageSize = before.state.pageSize else { return }
        let rest = [before, after].map { side in
            let described =
                side.extents.filter(\.role.isMetadata) + side.state.contentsExtents
            return Self.subtract(
                described.map { $0.pages(of: pageSize) }.merged(), from: side.state.preserved?.ranges ?? [])
        }
        compareMemory(
            "preserved pages that no structure describes", rest[0].flatMap { $0.pieces(in: rest[1]) }, isLayout: isMoved
        )
    }

    /// Compares pages of the first side with those of the second that lie `distance` bytes further. What is on neither
    /// side is the same in both.
    mutating func compareMemory(
        _ subject: String, _ ranges: [Range<PhysicalAddress>], movedBy distance: UInt64 = 0, isLayout: Bool
    ) {
        guard !ignoresContents else { return }
        guard let old = before.memory, let new = after.memory, let pageSize = commonPageSize else {
            let isDocument = before.openFile != nil || after.openFile != nil
            let isThere = [before, after].map { side in
                ranges.contains { side.memory?.copy(at: $0.lowerBound, count: 1) != nil }
            }
            if isDocument, !isLayout, !ranges.isEmpty { noteUncompared(subject, isThere[0], isThere[1]) }
            return
        }
        let available = (distance == 0 ? regions.before + regions.after : regions.before).merged()
        var changed: (first: PhysicalAddress, count: Int)?
        var oneSided: (first: PhysicalAddress, count: Int, isInBefore: Bool)?
        for piece in ranges.lazy.flatMap({ $0.pieces(in: available) }) {
            var page = piece.lowerBound.rawValue & ~UInt64(pageSize.bytes - 1)
            while page < piece.upperBound.rawValue, pagesToCompare > 0 {
                pagesToCompare -= 1
                let address = PhysicalAddress(page)
                let left = old.copy(at: address, count: pageSize.bytes)
                let right = new.copy(at: PhysicalAddress(page &+ distance), count: pageSize.bytes)
                if let left, let right {
                    if left != right { changed = (changed?.first ?? address, (changed?.count ?? 0) + 1) }
                } else if left != nil || right != nil {
                    oneSided = (
                        oneSided?.first ?? address, (oneSided?.count ?? 0) + 1, oneSided?.isInBefore ?? (left != nil)
                    )
                }
                page += UInt64(pageSize.bytes)
            }
        }
        if let changed {
            let count = changed.count == 1 ? "one of the" : "\(changed.count)"
            note("\(count) \(subject), the first at \(changed.first)", nil, nil, isLayout: isLayout)
        }
        if let oneSided {
            noteUncompared(
                "\(oneSided.count) \(subject), the first at \(oneSided.first)",
                oneSided.isInBefore, !oneSided.isInBefore, isLayout: isLayout)
        }
    }

    // MARK: - LUO

    private mutating func compareLUO(_ before: LUOState?, _ after: LUOState?) {
        compare("LUO, compatible", before?.compatible, after?.compatible)
        compare("LUO, compatible of sessions", before?.sessionCompatible, after?.sessionCompatible)
        compare("LUO, compatible of FLBs", before?.flbCompatible, after?.flbCompatible)
        compare("number of live updates", before?.liveUpdateNumber, after?.liveUpdateNumber)
        compareFurther("LUO", before?.further, after?.further)
        if before != nil || after != nil {
            if let (old, new) = lists("sessions", before?.sessions, after?.sessions) { compareSessions(old, new) }
            if before?.flbAddress != nil || after?.flbAddress != nil || before?.flbs != nil || after?.flbs != nil,
                let (old, new) = lists("FLBs", before?.flbs, after?.flbs)
            {
                compareFLBs(old, new)
            }
        }
        compare("FLBs, number of pages", before?.flbPageCount, after?.flbPageCount)
        compare(
            "FLBs, address", self.before.written(before?.flbAddress), self.after.written(after?.flbAddress),
            isLayout: true)
        compare(
            "sessions, address", self.before.written(before?.sessionsAddress),
            self.after.written(after?.sessionsAddress), isLayout: true)
        compareBlocks("sessions", before?.blocks, after?.blocks)
    }

    private mutating func compareFLBs(_ before: [FLBState], _ after: [FLBState]) {
        for pair in pairs(before, after, by: \.name) {
            guard let name = (pair.before ?? pair.after)?.name else { continue }
            let subject = "FLB \(name.quoted)"
            guard let old = pair.before, let new = pair.after else {
                note(subject, pair.before.map { "\($0.count) files" }, pair.after.map { "\($0.count) files" })
                continue
            }
            compare("\(subject), data", Self.hex(old.data), Self.hex(new.data))
            compare("\(subject), count", old.count, new.count)
            compareFurther(subject, old.further, new.further)
            compareContent(subject, old.content, new.content)
        }
        if before.map(\.name) != after.map(\.name), Set(before.map(\.name)) == Set(after.map(\.name)) {
            note("order of FLBs", Self.list(before.map(\.name)), Self.list(after.map(\.name)), isLayout: true)
        }
    }

    private mutating func compareSessions(_ before: [SessionState], _ after: [SessionState]) {
        for pair in pairs(before, after, by: \.name) {
            guard let name = (pair.before ?? pair.after)?.name else { continue }
            let subject = "session \(name.quoted)"
            guard let old = pair.before, let new = pair.after else {
                note(subject, pair.before.map(Self.summary(of:)), pair.after.map(Self.summary(of:)))
                continue
            }
            // The number of records says it already, if both agree with theirs.
            if [old, new].contains(where: { $0.count != $0.files.map { UInt64($0.count) } }) {
                compare("\(subject), count", old.count, new.count)
            }
            compareFurther(subject, old.further, new.further)
            if let (oldFiles, newFiles) = lists("\(subject), files", old.files, new.files) {
                compareFiles(subject, oldFiles, newFiles)
            }
            compare("\(subject), address of files", old.filesAddress, new.filesAddress, isLayout: true)
            compareBlocks(subject, old.blocks, new.blocks)
        }
        if before.map(\.name) != after.map(\.name), Set(before.map(\.name)) == Set(after.map(\.name)) {
            note("order of sessions", Self.list(before.map(\.name)), Self.list(after.map(\.name)), isLayout: true)
        }
    }

    private static func summary(of session: SessionState) -> String {
        let count = session.files.map { UInt64($0.count) } ?? session.count ?? 0
        return count == 1 ? "1 file" : "\(count) files"
    }

    private static func list(_ names: [KernelString]) -> String {
        let shown = names.prefix(4).map(\.quoted).joined(separator: ", ")
        return names.count > 4 ? "\(shown), …" : shown
    }

    static func hex(_ value: UInt64) -> String { value.prefixedHex }

    private mutating func compareBlocks(_ subject: String, _ before: [BlockState]?, _ after: [BlockState]?) {
        guard let before, let after else { return }
        compare(
            "\(subject), records in blocks", before.map(\.count), after.map(\.count),
            layoutText: { counts in
                counts.map { $0.map(String.init) ?? "?" }.joined(separator: "+")
            })
        for (index, pair) in zip(before, after).enumerated() where index > 0 {
            compare("\(subject), block \(index + 1)", pair.0.address, pair.1.address, isLayout: true)
        }
    }

    private mutating func compare<Value: Equatable>(
        _ subject: @autoclosure () -> String, _ before: Value, _ after: Value, layoutText: (Value) -> String
    ) {
        if before != after { note(subject(), layoutText(before), layoutText(after), isLayout: true) }
    }

    /// Compares the fields of records that have no meaning here.
    private mutating func compareFurther(_ subject: String, _ before: PayloadValue?, _ after: PayloadValue?) {
        guard before != after else { return }
        for pair in pairs(before?.fieldTexts ?? [], after?.fieldTexts ?? [], by: \.name) {
            let name = (pair.before ?? pair.after)?.name ?? ""
            compare("\(subject), \(ImageText(name).bare)", pair.before?.text, pair.after?.text)
        }
    }

    /// Compares what a handle leads to.
    private mutating func compareContent(_ subject: String, _ before: (any Content)?, _ after: (any Content)?) {
        guard let before, let after else { return }
        let count = changes.count
        let isTold = before.compare(to: after, subject, by: &self)
        let areWhole = self.before.absence == .missing && self.after.absence == .missing
        if !isTold || areWhole && changes.count == count, AnyContent(before) != AnyContent(after) {
            note("\(subject), payload", nil, nil, isLayout: isMoved || isTold)
        }
        guard let old = before.fileContents, let new = after.fileContents else { return }
        compareContents(subject, old, new)
    }

    // MARK: - Files

    private mutating func compareFiles(_ session: String, _ before: [FileState], _ after: [FileState]) {
        for pair in pairs(before, after, by: \.token) {
            guard let token = (pair.before ?? pair.after)?.token else { continue }
            // Where the handle leads on, there is more to compare.
            if let old = pair.before, !old.hasContent, old == pair.after { continue }
            let subject = "\(session), file \(Self.hex(token))"
            guard let old = pair.before, let new = pair.after else {
                note(subject, pair.before.map(Self.summary(of:)), pair.after.map(Self.summary(of:)))
                continue
            }
            compare("\(subject), compatible", old.compatible, new.compatible)
            compareFurther(subject, old.further, new.further)
            if let content = old.content, let other = new.content {
                compareContent(subject, content, other)
                compare("\(subject), descriptor", old.data.map(Self.hex), new.data.map(Self.hex), isLayout: true)
                continue
            }
            // The handle of an unknown handler is all there is of the file; where it leads on, it is an address.
            let isLayout = old.content != nil || new.content != nil
            compare("\(subject), data", old.data.map(Self.hex), new.data.map(Self.hex), isLayout: isLayout)
            if isLayout, before.count == after.count {
                noteMissing(subject, old.content?.title, new.content?.title)
            }
        }
        if before.map(\.token) != after.map(\.token), Set(before.map(\.token)) == Set(after.map(\.token)) {
            note("\(session), order of files", nil, nil, isLayout: true)
        }
    }

    private static func summary(of file: FileState) -> String {
        if let content = file.content, let size = content.fileContents?.size {
            return "\(content.title) of \(size) bytes"
        }
        return file.compatible.map(\.quoted) ?? ""
    }

    /// Holds the bytes of two files against each other, page by page, where both are available.
    private mutating func compareContents(_ subject: String, _ old: FileContents, _ new: FileContents) {
        guard !ignoresContents, let size = [old.size, new.size].compactMap({ $0 }).min(), let pageSize = commonPageSize
        else { return }
        let pages = pageSize.pages(for: size)
        let oldPages = FilePages(of: old, on: before, regions.before, pageSize)
        let newPages = FilePages(of: new, on: after, regions.after, pageSize)
        guard let oldPages, let newPages else {
            if pages > 0, before.openFile != nil || after.openFile != nil {
                noteUncompared("\(subject), contents of \(pages.inPages)", oldPages != nil, newPages != nil)
            }
            return
        }
        // What neither has memory for is the same hole in both, or not available in both.
        let wholePages = size >> UInt64(pageSize.shift)
        let ranges = oldPages.available + newPages.available
        var changed = 0
        var first: UInt64 = 0
        var next: UInt64 = 0
        // Pages before this one are in a stretch that is not the same as a whole.
        var differing: UInt64 = 0
        var lost: (count: UInt64, isInBefore: Bool, isInAfter: Bool) = (0, false, false)
        for page in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }).lazy.flatMap({ $0 }) {
            guard page < pages else { break }
            guard page >= next else { continue }
            // A sound handover's files share no memory: more pages than there are, only a hostile one has.
            guard pagesToCompare > 0 else { break }
            if page >= differing {
                let stretch = min(
                    oldPages.pagesInRow(from: page), newPages.pagesInRow(from: page), pagesToCompare,
                    wholePages - min(page, wholePages), Self.stretch)
                if stretch > 1 {
                    if oldPages.isEqual(to: newPages, at: page, count: stretch) {
                        pagesToCompare -= stretch
                        next = page + stretch
                        continue
                    }
                    differing = page + stretch
                }
            }
            pagesToCompare -= 1
            next = page + 1
            let count = Int(min(UInt64(pageSize.bytes), size - page << UInt64(pageSize.shift)))
            let left = oldPages.bytes(of: page, count: count)
            let right = newPages.bytes(of: page, count: count)
            guard let left, let right else {
                lost = (lost.count + 1, lost.isInBefore || left != nil, lost.isInAfter || right != nil)
                continue
            }
            guard left != right else { continue }
            if changed == 0 { first = page }
            changed += 1
        }
        lost.count += oldPages.pagesOutside(and: newPages, below: pages)
        if lost.count > 0 {
            noteUncompared("\(subject), contents of \(lost.count.inPages)", lost.isInBefore, lost.isInAfter)
        }
        if changed > 0 {
            note("\(subject), contents of \(UInt64(changed).inPages), the first being page \(first)", nil, nil)
        }
    }

    /// The page size of both sides, where a document need not state it; `nil` if they have none in common.
    private var commonPageSize: PageSize? {
        let stated = [before.state.pageSize, after.state.pageSize].compactMap { $0 }
        return stated.allSatisfy { $0 == stated[0] } ? stated.first ?? .kib4 : nil
    }

    /// How many pages are compared at a time, as long as they are the same.
    private static let stretch: UInt64 = 256
}
