import KernelABI

/// Compares all parts of two handovers, and records differences.
package struct Comparison {
    let before: HandoverDiff.Side
    let after: HandoverDiff.Side
    private(set) var changes: [HandoverDiff.Change] = []
    private(set) var uncompared: [HandoverDiff.Uncompared] = []
    let regions: (before: [Range<PhysicalAddress>], after: [Range<PhysicalAddress>])
    /// The number of pages of contents that may still be compared: initially as many as there are.
    var pagesToCompare: UInt64
    let ignoresContents: Bool

    init(before: HandoverDiff.Side, after: HandoverDiff.Side, ignoringContents: Bool) {
        ignoresContents = ignoringContents
        self.before = before
        self.after = after
        regions = (before.memory?.regions ?? [], after.memory?.regions ?? [])
        pagesToCompare = (regions.before + regions.after).reduce(0) {
            $0 &+ ($1.upperBound.rawValue - $1.lowerBound.rawValue) / UInt64(PageSize.kib4.bytes) &+ 1
        }
    }

    mutating func compare() {
        HandoverState.form.compare(.init(before.state, after.state, Subject("")), by: &self)
        compareUndescribedMemory()
    }

    /// Whether the structures are at different addresses on the other side, so that bytes at the same address do not
    /// correspond.
    private(set) lazy var isMoved = before.extents.map(\.address) != after.extents.map(\.address)

    // MARK: - Noting

    mutating func note(_ subject: Subject, _ before: String? = nil, _ after: String? = nil) {
        changes.append(
            HandoverDiff.Change(subject: subject.text, before: before, after: after, isLayout: subject.isLayout))
    }

    /// Records values that differ, or that only one side has.
    mutating func compare<Value: Equatable>(_ values: Pair<Value>, _ text: (Value) -> String = { "\($0)" }) {
        if values.before != values.after { noteMissing(values.map(text)) }
    }

    /// Records lists that differ, or that only one side has.
    mutating func compareElements<Element: Equatable>(_ lists: Pair<[Element]>) {
        guard lists.before != lists.after else { return }
        let isLonger = lists.before?.count != lists.after?.count
        if isLonger { compare(lists.map(\.count)) } else { note(lists.subject) }
    }

    /// Records byte strings that differ, showing each from the first byte that differs.
    mutating func compareBytes(_ bytes: Pair<[UInt8]>) {
        guard bytes.before != bytes.after else { return }
        let texts = Self.texts(of: bytes.before, bytes.after, orElse: "")
        // Bytes without a description may contain addresses.
        let subject = isMoved ? bytes.subject.layout : bytes.subject
        noteMissing(.init(bytes.before.map { _ in texts.before }, bytes.after.map { _ in texts.after }, subject))
    }

    /// Records values that differ, by the texts that describe them.
    mutating func noteMissing(_ texts: Pair<String>) {
        let absence = texts.before == nil ? before.absence : texts.after == nil ? after.absence : .missing
        switch absence {
        case .unstated: break
        case .missing: note(texts.subject, texts.before ?? "missing", texts.after ?? "missing")
        case .unknown: noteUncompared(texts.subject, texts.before != nil, texts.after != nil)
        }
    }

    mutating func noteUncompared(_ subject: Subject, _ isInBefore: Bool, _ isInAfter: Bool) {
        uncompared.append(
            HandoverDiff.Uncompared(
                subject: subject.text, isInBefore: isInBefore, isInAfter: isInAfter, isLayout: subject.isLayout))
    }

    /// The lists of both sides, if both are known or represent none; otherwise records that they are not.
    mutating func known<Element>(_ lists: Pair<[Element]>) -> (before: [Element], after: [Element])? {
        if let both = lists.both { return both }
        let isBeforeOpen = lists.before == nil && before.absence != .unstated
        let isAfterOpen = lists.after == nil && after.absence != .unstated
        guard isBeforeOpen || isAfterOpen else { return (lists.before ?? [], lists.after ?? []) }
        if lists.before != nil || lists.after != nil {
            noteMissing(lists.map { "\($0.count)" })
        } else if before.absence == .unknown, after.absence == .unknown {
            noteUncompared(lists.subject, false, false)
        }
        return nil
    }

    /// Pairs the elements of two lists by key; elements with the same key are paired in order.
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
}
