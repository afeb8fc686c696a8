import KernelABI

/// Compares all parts of two handovers, and notes differences.
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
        HandoverState.form.compare(before.state, after.state, Subject(""), by: &self)
        compareUndescribedMemory()
    }

    /// Whether the structures lie elsewhere on the other side: then bytes at one address are not each other's.
    private(set) lazy var isMoved = before.extents.map(\.address) != after.extents.map(\.address)

    // MARK: - Noting

    mutating func note(_ subject: Subject, _ before: String? = nil, _ after: String? = nil) {
        changes.append(
            HandoverDiff.Change(subject: subject.text, before: before, after: after, isLayout: subject.isLayout))
    }

    /// Notes values that differ, or that only one side has.
    mutating func compare<Value: Equatable>(
        _ subject: Subject, _ before: Value?, _ after: Value?, _ text: (Value) -> String = { "\($0)" }
    ) {
        guard before != after else { return }
        if let before, let after {
            note(subject, text(before), text(after))
        } else {
            noteMissing(subject, before.map(text), after.map(text))
        }
    }

    /// Notes two lists that differ, and one that is on one side alone.
    mutating func compareElements<Element: Equatable>(_ subject: Subject, _ before: [Element]?, _ after: [Element]?) {
        if let before, let after, before.count == after.count {
            if before != after { note(subject) }
        } else {
            compare(subject, before?.count, after?.count)
        }
    }

    /// Notes two strings of bytes that differ by what follows the first byte that does.
    mutating func compareBytes(_ subject: Subject, _ before: [UInt8]?, _ after: [UInt8]?, orElse absent: String? = nil)
    {
        guard before != after else { return }
        let texts = Self.texts(of: before, after, orElse: absent ?? "")
        // Bytes without a description can hold addresses.
        let subject = isMoved && absent == nil ? subject.layout : subject
        if before != nil && after != nil || absent != nil {
            note(subject, texts.before, texts.after)
        } else {
            noteMissing(subject, before.map { _ in texts.before }, after.map { _ in texts.after })
        }
    }

    /// Notes a value that one side lacks, or that differs.
    mutating func noteMissing(_ subject: Subject, _ before: String?, _ after: String?) {
        let absence = before == nil ? self.before.absence : after == nil ? self.after.absence : .missing
        switch absence {
        case .unstated: break
        case .missing: note(subject, before ?? "missing", after ?? "missing")
        case .unknown: noteUncompared(subject, before != nil, after != nil)
        }
    }

    mutating func noteUncompared(_ subject: Subject, _ isInBefore: Bool, _ isInAfter: Bool) {
        uncompared.append(
            HandoverDiff.Uncompared(
                subject: subject.text, isInBefore: isInBefore, isInAfter: isInAfter, isLayout: subject.isLayout))
    }

    /// The lists of both sides, if both are known or represent none; otherwise notes that they are not.
    mutating func lists<Element>(
        _ subject: Subject, _ before: [Element]?, _ after: [Element]?
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
