import Handover
import KernelABI

/// Shows a handover on one screen.
///
///     Handover of kernel 7.2–7.3, x86_64, 4 KiB pages
///     ├─ root FDT  0x4a6000  405 B  kho-v4
///     └─ live update 1  luo-v5
///        └─ 1 session  1 file  64 KiB
///           └─ vm-alpha  1 file  64 KiB
struct TreeRenderer: Sendable {
    var style = TextStyle.plain
    /// Whether to show long lists in full.
    var all = false

    /// Limits for long lists.
    enum Limit {
        /// The number of sessions and files up to which none is omitted.
        static let whole = 40
        static let sessions = 12
        static let files = 24
        /// The limit for any other list.
        static let others = 16
        /// The limit for the records of a payload.
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
            // A standalone blob may fit several generations.
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

/// A part of the tree that can write itself; receives whether it is the last child of its parent.
typealias Section = (inout Outline, inout TextSink, _ isLast: Bool) -> Void

/// Data shared by the sections of the tree.
struct HandoverView {
    let state: HandoverState
    let pageSize: PageSize
    let all: Bool
    private let findings: [Finding]
    /// The addresses of what is broken, as opposed to unavailable.
    private let damaged: Set<PhysicalAddress>
    /// The owners of what is broken.
    let damagedOwners: Set<Owner>
    /// The reasons why something is missing, by address.
    private let reasons: [PhysicalAddress: String]
    /// Whether more memory may be preserved than shown.
    let isMapIncomplete: Bool
    /// The kernel's file handlers.
    let handlers: [KernelString]
    /// Whether the kernel has the handler of the first file. If so, a file without one is unusual.
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

    /// The reason why what should be at `address` is not in the input.
    func reason(at address: PhysicalAddress) -> String? { reasons[address] }

    /// A cell for something that could not be read.
    ///
    /// - Parameter isShown: Whether the line shows the address already.
    func absent(_ address: PhysicalAddress?, isShown: Bool = false) -> Cell {
        guard let address else { return Cell("not available", .warning) }
        if let reason = reasons[address] { return Cell(reason, .warning) }
        let place = isShown ? "" : " at \(address)"
        return damaged.contains(address)
            ? Cell("not readable" + place, .damage) : Cell("not available" + place, .warning)
    }

    /// Whether the sessions are written only at kexec, which is still to come.
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

    /// How many entries of a list to show: all, if only one would be left out.
    func shown(_ count: Int, limit: Int) -> Int {
        all || count <= limit + 1 ? count : limit
    }

    /// The entries of a list to show: the first `limit`, and up to as many notable ones of the rest.
    func pick(_ count: Int, limit: Int, isNotable: (Int) -> Bool) -> [Int] {
        let shown = self.shown(count, limit: limit)
        guard shown < count else { return Array(0..<count) }
        return Array(0..<shown) + (shown..<count).lazy.filter(isNotable).prefix(TreeRenderer.Limit.others)
    }

    /// Writes the entries of a list in columns, and how many were left out.
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

    /// Writes the records of a payload, list by list.
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
    /// The reason why something is not in the input, if there is more to tell than that.
    fileprivate var reason: String? {
        switch self {
        case .notYetWritten: "written at kexec"
        case .freed: "freed by the kernel since"
        case .leftOut: "omitted from this dump"
        default: nil
        }
    }
}
