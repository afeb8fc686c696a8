import Handover
import KernelABI

/// Shows what was read of a handover as one screen.
///
///     Handover of kernel 7.2–7.3, x86_64, 4 KiB pages
///     ├─ root FDT  0x4a6000  405 B  kho-v4
///     └─ live update 1  luo-v5
///        └─ 1 session  1 file  64 KiB
///           └─ vm-alpha  1 file  64 KiB
struct TreeRenderer: Sendable {
    var style = TextStyle.plain
    /// Whether long lists are shown whole.
    var all = false

    /// How much of long lists is shown.
    enum Limit {
        /// Sessions and files together that are shown without leaving any out.
        static let whole = 40
        static let sessions = 12
        static let files = 24
        /// Of any other list.
        static let others = 16
        /// Of the records that a payload leads to.
        static let records = 4
    }

    func render(_ reading: Reading, to sink: inout TextSink) {
        let view = HandoverView(reading: reading, all: all)
        var outline = Outline(style: style)
        outline.title([title(reading)], to: &sink)
        let sections = view.sections
        for (index, section) in sections.enumerated() {
            section(&outline, &sink, index == sections.count - 1)
        }
        sink.finish()
    }

    private func title(_ reading: Reading) -> Cell {
        let state = reading.state
        var title: String
        if let generation = state.generation {
            // A standalone blob fits more than one generation.
            title =
                (state.kho == nil ? "Read as kernel " : "Handover of kernel ")
                + Generation.span(of: [generation] + reading.otherGenerations)
        } else {
            title = state.kho == nil ? "Part of a handover" : "Handover of an unknown kernel"
            if state.isOfNoHandover { return Cell("Not a handover", .heading) }
        }
        if let machine = state.machine { title += ", \(machine.rawValue)" }
        let sizes = ([reading] + reading.alternatives).compactMap(\.state.pageSize)
        if !sizes.isEmpty {
            title += ", \(sizes.map { Quantity.bytes(UInt64($0.bytes)) }.joined(separator: " or ")) pages"
        } else if state.kho != nil {
            title += ", pages of unknown size"
        }
        return Cell(title, .heading)
    }
}

/// Lines of the tree: writes itself, told whether it is the last one of its parent.
typealias Section = (inout Outline, inout TextSink, _ isLast: Bool) -> Void

/// What the sections of the tree share.
struct HandoverView {
    let state: HandoverState
    let pageSize: PageSize
    let all: Bool
    private let findings: [Finding]
    /// Where something is broken, as opposed to not available.
    private let damaged: Set<PhysicalAddress>
    /// Who has something that is broken.
    let damagedOwners: Set<Owner>
    /// Why what is missing is missing, by address.
    private let reasons: [PhysicalAddress: String]
    /// Whether more memory may be preserved than is shown.
    let isMapIncomplete: Bool
    /// The file handlers that the kernel has.
    let handlers: [KernelString]
    /// Whether the kernel has the handler of the first file: one that it does not have is then the odd one.
    let expectsHandlers: Bool

    init(reading: Reading, all: Bool) {
        state = reading.state
        pageSize = reading.state.pageSize ?? .kib4
        self.all = all
        findings = reading.findings
        isMapIncomplete = reading.isMapIncomplete
        let handlers = (reading.state.generation?.fileHandlers ?? []).map { KernelString($0.compatible) }
        let first = reading.state.luo?.sessions?.first?.files?.first?.compatible
        self.handlers = handlers
        expectsHandlers = first.map { handlers.contains($0) } ?? false
        reasons = Dictionary(
            reading.findings.compactMap { finding in
                guard let reason = finding.cause.reason, let address = finding.place.address else { return nil }
                return (address, reason)
            }, uniquingKeysWith: { first, _ in first })
        let owners = reading.findings.lazy.filter { $0.severity == .damage }.map(\.owner)
        damagedOwners = Set(owners).union(owners.map(\.whole))
        damaged = Set(reading.findings.filter { $0.severity == .damage }.compactMap(\.place.address))
    }

    var sections: [Section] {
        var sections: [Section] = []
        if let kho = state.kho, !state.isOfNoHandover { sections.append(root(kho)) }
        sections += state.subtreeCells.map { line($0.map { Cell($0) }) }
        if let kho = state.kho { sections.append(subtrees(kho)) }
        if let luo = state.luo { sections += self.luo(luo) }
        sections += state.subtreeLists.map(section)
        if let section = preserved() { sections.append(section) }
        if let residue = state.residue, !residue.isEmpty { sections.append(self.residue(residue)) }
        if let stale = state.kho?.staleRoots, !stale.isEmpty { sections.append(staleRoots(stale)) }
        if !findings.isEmpty { sections.append(findingCount) }
        return sections
    }

    // MARK: - What is missing

    /// Why what should be at `address` is not in the input.
    func reason(at address: PhysicalAddress) -> String? { reasons[address] }

    /// A place that could not be read.
    ///
    /// - Parameter isShown: whether the address stands in the line anyway.
    func absent(_ address: PhysicalAddress?, isShown: Bool = false) -> Cell {
        guard let address else { return Cell("not available", .warning) }
        if let reason = reasons[address] { return Cell(reason, .warning) }
        let place = isShown ? "" : " at \(address)"
        return damaged.contains(address)
            ? Cell("not readable" + place, .damage) : Cell("not available" + place, .warning)
    }

    /// Whether the sessions are written at kexec, and not yet.
    var sessionsAreToCome: Bool { findings.contains { $0.cause == .notYetWritten && $0.owner == .luo() } }

    private var findingCount: Section {
        let damage = findings.count { $0.severity == .damage }
        let missing = findings.count - damage
        var cells: [Cell] = []
        if damage > 0 { cells.append(Cell(Quantity.count(damage, "damaged place"), .damage)) }
        if missing > 0 {
            cells.append(Cell("\(Quantity.count(missing, "place")) not in this input", .warning))
        }
        return line(cells)
    }

    // MARK: - Lists

    /// A section of one line.
    func line(_ cells: [Cell]) -> Section { { $0.line(cells, isLast: $2, to: &$1) } }

    /// How many of a list's entries are shown: all, if only one would be left out.
    func shown(_ count: Int, limit: Int) -> Int {
        all || count <= limit + 1 ? count : limit
    }

    /// The entries of a list that are shown: the first ones, and of the others those that are notable, up to as many.
    func pick(_ count: Int, limit: Int, isNotable: (Int) -> Bool) -> [Int] {
        let shown = self.shown(count, limit: limit)
        guard shown < count else { return Array(0..<count) }
        return Array(0..<shown) + (shown..<count).lazy.filter(isNotable).prefix(TreeRenderer.Limit.others)
    }

    /// Writes the lines of a list in columns, and how many were left out.
    func list(
        _ count: Int, limit: Int = TreeRenderer.Limit.others, _ outline: inout Outline, _ sink: inout TextSink,
        _ cells: (Int) -> [Cell], below: (Int, inout Outline, inout TextSink) -> Void = { _, _, _ in }
    ) {
        let shown = self.shown(count, limit: limit)
        var columns = Columns()
        for index in 0..<shown { columns.measure(cells(index)) }
        for index in 0..<shown {
            outline.line(cells(index), columns: columns, isLast: index == count - 1, to: &sink) { outline, sink in
                below(index, &outline, &sink)
            }
        }
        if shown < count { more(count - shown, &outline, &sink) }
    }

    /// Writes the records that a payload leads to, list by list.
    func records(_ lists: [ContentList], _ outline: inout Outline, _ sink: inout TextSink) {
        for (place, records) in lists.enumerated() {
            let heading = [Cell(records.name, .heading), Cell(Quantity.count(records.count, "record"))]
            outline.line(heading, isLast: place == lists.count - 1, to: &sink) { outline, sink in
                list(records.count, limit: TreeRenderer.Limit.records, &outline, &sink) { index in
                    [Cell("[\(index)]", .faint)] + records[index].map { Cell($0) }
                }
            }
        }
    }

    func more(
        _ count: Int, _ outline: inout Outline, _ sink: inout TextSink, _ details: [String] = [], isLast: Bool = true
    ) {
        let text = (["… \(count) more"] + details).joined(separator: ", ")
        outline.line([Cell(text, .faint)], isLast: isLast, to: &sink)
    }
}

extension Finding.Cause {
    /// Why something is not in the input, if there is more to say than that.
    fileprivate var reason: String? {
        switch self {
        case .notYetWritten: "written at kexec"
        case .freed: "freed by the kernel since"
        case .leftOut: "left out of this dump"
        default: nil
        }
    }
}
