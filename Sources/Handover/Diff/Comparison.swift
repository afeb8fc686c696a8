import KernelABI

/// Compares all parts of two handovers, and notes differences.
struct Comparison {
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

    /// Notes values that differ, or that only one side has.
    mutating func compare<Value: Equatable>(
        _ subject: @autoclosure () -> String, _ before: Value?, _ after: Value?, isLayout: Bool = false
    ) {
        if let before, let after {
            if before != after { note(subject(), Self.text(before), Self.text(after), isLayout: isLayout) }
        } else if before != nil || after != nil {
            noteMissing(subject(), before.map { Self.text($0) }, after.map { Self.text($0) }, isLayout: isLayout)
        }
    }

    /// Notes differences in addresses or layout.
    mutating func compareLayout<Value: Equatable>(
        _ subject: @autoclosure () -> String, _ before: Value?, _ after: Value?
    ) {
        compare(subject(), before, after, isLayout: true)
    }

    /// Notes a value that one side lacks, or that differs.
    mutating func noteMissing(_ subject: String, _ before: String?, _ after: String?, isLayout: Bool = false) {
        let absence = before == nil ? self.before.absence : after == nil ? self.after.absence : .missing
        switch absence {
        case .unstated: break
        case .missing: note(subject, before ?? "missing", after ?? "missing", isLayout: isLayout)
        case .unknown: noteUncompared(subject, before != nil, after != nil, isLayout: isLayout)
        }
    }

    mutating func noteUncompared(
        _ subject: String, _ isInBefore: Bool, _ isInAfter: Bool, isLayout: Bool = false
    ) {
        uncompared.append(
            HandoverDiff.Uncompared(
                subject: subject, isInBefore: isInBefore, isInAfter: isInAfter, isLayout: isLayout))
    }

    /// The lists of both sides, if both are known or represent none; otherwise notes that they are not.
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
