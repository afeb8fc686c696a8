import Handover
import KernelABI

extension HandoverView {
    /// LUO's state: its number, the sessions and the FLBs.
    func luo(_ luo: LUOState) -> [Section] {
        var sections: [Section] = []
        // A standalone page of FLBs has neither.
        if luo.liveUpdateNumber != nil || luo.compatible != nil {
            let cells =
                [
                    Cell(luo.liveUpdateNumber.map { "live update \($0)" } ?? "live update without a number", .heading),
                    Cell(luo.compatible.map(\.bare) ?? ""),
                ] + further(luo.further)
            sections.append(line(cells))
        }
        if let sessions = luo.sessions {
            sections.append { self.sessions(sessions, luo, &$0, &$1, isLast: $2) }
        } else if let address = luo.sessionsAddress {
            let isToCome = address.rawValue == 0 && sessionsAreToCome
            let cells = [Cell("sessions", .heading), isToCome ? Cell("written at kexec", .warning) : absent(address)]
            sections.append(line(cells))
        }
        if let flbs = luo.flbs {
            sections.append { self.flbs(flbs, &$0, &$1, isLast: $2) }
        } else if let address = luo.flbAddress {
            let cells = [Cell("FLBs", .heading), absent(address)]
            sections.append(line(cells))
        }
        return sections
    }

    private func flbs(_ flbs: [FLBState], _ outline: inout Outline, _ sink: inout TextSink, isLast: Bool) {
        let heading = Cell(Quantity.count(flbs.count, "FLB"), .heading)
        outline.line([heading], isLast: isLast, to: &sink) { outline, sink in
            list(flbs.count, &outline, &sink) { index in
                let flb = flbs[index]
                return [
                    Cell(flb.name.bare, .name), Cell("data \(flb.data.prefixedHex)"),
                    Cell("needed by \(Quantity.count(flb.count, "file"))"),
                ] + further(flb.further) + (flb.contentCells ?? []).map { Cell($0) }
            } below: {
                records(flbs[$0].contentLists, &$1, &$2)
            }
        }
    }

    // MARK: - Sessions

    private func sessions(
        _ sessions: [SessionState], _ luo: LUOState, _ outline: inout Outline, _ sink: inout TextSink, isLast: Bool
    ) {
        let totals = sessions.map(SessionTotal.init)
        let total = totals.reduce(SessionTotal(), +)
        let fileCount = total.files
        let isWhole = all || sessions.count + fileCount <= TreeRenderer.Limit.whole
        // Damaged entries are never omitted.
        let picked = pick(sessions.count, limit: isWhole ? Int.max - 1 : TreeRenderer.Limit.sessions) { index in
            isNotable(sessions[index])
        }
        let shown = picked.count
        let fileLimit = isWhole ? Int.max - 1 : max(1, TreeRenderer.Limit.files / max(shown, 1))

        var heading = [Cell(Quantity.count(sessions.count, "session"), .heading)]
        if !sessions.isEmpty {
            heading.append(Cell(Quantity.count(fileCount, "file")))
            heading.append(Cell(total.size.map(Quantity.bytes) ?? ""))
            if sessions.contains(where: \.hasUnreadFiles) { heading.append(Cell("and files not read", .warning)) }
            if let address = luo.sessionsAddress {
                let blocks = luo.blocks.map { Quantity.count($0.count, "block") + " " } ?? ""
                heading.append(Cell("\(blocks)at \(address)", .faint))
            }
        }
        var sessionColumns = Columns()
        var fileColumns = Columns()
        for index in picked {
            sessionColumns.measure(cells(sessions[index], totals[index]))
            let files = sessions[index].files ?? []
            for place in pickFiles(of: sessions[index], limit: fileLimit) { fileColumns.measure(cells(files[place])) }
        }
        outline.line(heading, isLast: isLast, to: &sink) { outline, sink in
            for index in picked {
                let isLast = shown == sessions.count && index == sessions.count - 1
                outline.line(cells(sessions[index], totals[index]), columns: sessionColumns, isLast: isLast, to: &sink)
                {
                    outline, sink in
                    files(of: sessions[index], limit: fileLimit, fileColumns, &outline, &sink)
                }
            }
            guard shown < sessions.count else { return }
            let isPicked = Set(picked)
            let rest = totals.indices.lazy.filter { !isPicked.contains($0) }.map { totals[$0] }.reduce(
                SessionTotal(), +)
            let details = [Quantity.count(rest.files, "file"), rest.size.map(Quantity.bytes)]
            more(sessions.count - shown, &outline, &sink, details.compactMap { $0 })
        }
    }

    private func cells(_ session: SessionState, _ total: SessionTotal) -> [Cell] {
        let name = Cell(session.name.bare, .name)
        guard let files = session.files else {
            let count = session.count.map { Quantity.count($0, "file") } ?? ""
            return [name, Cell(count), Cell(""), absent(session.filesAddress)] + further(session.further)
        }
        var cells = [name, Cell(Quantity.count(files.count, "file"))]
        cells.append(Cell(total.size.map(Quantity.bytes) ?? "", right: true))
        if let stated = session.count, stated != UInt64(files.count) {
            cells.append(Cell("its record says \(stated)", .damage))
        } else if let address = session.filesAddress, address.rawValue != 0 {
            cells.append(Cell("at \(address)", .faint))
        }
        return cells + further(session.further)
    }

    /// Record fields without a meaning to this package.
    private func further(_ fields: PayloadValue?) -> [Cell] {
        (fields?.fieldTexts ?? []).map { Cell("\(ImageText($0.name).bare) \($0.text)") }
    }

    // MARK: - What is shown

    private func pickFiles(of session: SessionState, limit: Int) -> [Int] {
        let files = session.files ?? []
        return pick(files.count, limit: limit) { hasOddFiles && isNotable(files[$0], in: session) }
    }

    /// Whether a session is damaged or contains a notable file.
    private func isNotable(_ session: SessionState) -> Bool {
        damagedOwners.contains(.session(session.name))
            || hasOddFiles && (session.files ?? []).contains { isNotable($0, in: session) }
    }

    /// Whether a file is damaged, or unusual because the kernel does not have its handler.
    private func isNotable(_ file: FileState, in session: SessionState) -> Bool {
        if damagedOwners.contains(.file(session: session.name, token: file.token)) { return true }
        if file.hasContent { return false }
        return expectsHandlers && !hasHandler(file)
    }

    /// Whether any file can be notable; avoids visiting up to a million files if not.
    private var hasOddFiles: Bool { expectsHandlers || !damagedOwners.isEmpty }

    private func hasHandler(_ file: FileState?) -> Bool {
        file?.compatible.map { handlers.contains($0) } ?? false
    }

    // MARK: - Files

    private func files(
        of session: SessionState, limit: Int, _ columns: Columns, _ outline: inout Outline, _ sink: inout TextSink
    ) {
        let files = session.files ?? []
        let picked = pickFiles(of: session, limit: limit)
        let shown = picked.count
        for index in picked {
            let isLast = shown == files.count && index == files.count - 1 && session.mapping == nil
            outline.line(cells(files[index]), columns: columns, isLast: isLast, to: &sink) { outline, sink in
                // The line of the file summarizes its folios.
                if files[index].fileContents == nil { records(files[index].contentLists, &outline, &sink) }
            }
        }
        defer { session.mapping.map { self.mapping($0, of: session, &outline, &sink) } }
        guard shown < files.count else { return }
        let isPicked = Set(picked)
        let bytes = files.indices.lazy.filter { !isPicked.contains($0) }.map { files[$0] }.reduce(UInt64(0)) {
            sum, file in
            let sum = sum.addingReportingOverflow(file.fileContents?.size ?? 0)
            return sum.overflow ? .max : sum.partialValue
        }
        more(
            files.count - shown, &outline, &sink, bytes > 0 ? [Quantity.bytes(bytes)] : [],
            isLast: session.mapping == nil)
    }

    /// What a file of the session says about the others: their owners and names.
    private func mapping(
        _ mapping: SessionMapping, of session: SessionState, _ outline: inout Outline, _ sink: inout TextSink
    ) {
        let count = Quantity.count(mapping.entries.count, "entry", "entries")
        let heading = [
            Cell("\(mapping.kind)'s mapping in \(mapping.token.prefixedHex)", .heading),
            mapping.problem == nil ? Cell(count) : Cell("not JSON", .damage),
        ]
        outline.line(heading, isLast: true, to: &sink) { outline, sink in
            let tokens = Set(session.files?.map(\.token) ?? [])
            list(mapping.entries.count, limit: TreeRenderer.Limit.files, &outline, &sink) { index in
                let entry = mapping.entries[index]
                let target =
                    entry.session.map { Cell("session \(ImageText($0).bare)") }
                    ?? entry.token.map { token in
                        tokens.contains(token)
                            ? Cell(token.prefixedHex) : Cell("\(token.prefixedHex), which does not exist", .warning)
                    } ?? Cell("")
                return [Cell(ImageText(entry.group).bare, .name), Cell(ImageText(entry.name).bare), target]
            }
        }
    }

    private func cells(_ file: FileState) -> [Cell] { knownCells(file) + further(file.further) }

    private func knownCells(_ file: FileState) -> [Cell] {
        let token = Cell(file.token.prefixedHex, .name)
        let handler = file.compatible.map { Cell($0.bare) } ?? Cell("no handler", .warning)
        guard let cells = file.contentCells else {
            guard hasHandler(file), let data = file.data else {
                return [token, handler, Cell(file.data.map { "data \($0.prefixedHex)" } ?? "")]
            }
            return [token, handler, Cell(""), Cell(""), Cell(""), absent(PhysicalAddress(data))]
        }
        let shown = cells.map { Cell($0) }
        guard let contents = file.fileContents else {
            return [token, handler, Cell(""), Cell(file.data.map { "data \($0.prefixedHex)" } ?? "")] + shown
        }
        return [token, handler, Cell(contents.size.map(Quantity.bytes) ?? "", right: true)] + shown + [
            folios(of: contents)
        ]
    }

    /// Summarizes the folios of a file: how many, for how many pages, in how many contiguous runs.
    private func folios(of file: FileContents) -> Cell {
        guard let folios = file.folios else { return absent(nil) }
        guard !folios.isEmpty || file.size != 0 else { return Cell("empty", .faint) }
        if folios.isEmpty, let stated = file.statedCount, stated > 0 {
            return Cell("none of \(Quantity.count(stated, "folio")) read", .damage)
        }
        var runs = 0
        var holes = 0
        var odd = 0
        let usual = file.usualFlags
        var last: FolioState?
        for folio in folios {
            if let usual, UInt64(folio.flags) != usual.value, folio.pfn != 0 { odd += 1 }
            if folio.pfn == 0 {
                holes += 1
            } else if let last, last.pfn != 0, folio.pfn &- last.pfn == folio.index &- last.index {
                // Contiguous in memory, as in the file.
            } else {
                runs += 1
            }
            last = folio
        }
        var text = Quantity.count(folios.count, "folio")
        if let size = file.size { text += ", \(Quantity.count(pageSize.pages(for: size), "page"))" }
        if runs == 1, folios.count > 1 { text += ", contiguous" }
        if runs > 1 { text += " in \(runs) runs" }
        if holes > 0 { text += ", \(Quantity.count(holes, "hole"))" }
        if odd > 0, let usual { text += ", \(odd) not \(Quantity.flags(usual.value, names: usual.names))" }
        if let stated = file.statedCount, stated != UInt64(folios.count) {
            return Cell("\(text) of \(stated)", .damage)
        }
        return Cell(text)
    }
}

/// Totals for the files of one or more sessions.
private struct SessionTotal {
    var files = 0
    /// The size of all files in bytes; `nil` if no file has one.
    var size: UInt64?

    init() {}

    init(_ session: SessionState) {
        files = session.files?.count ?? 0
        size = session.contentsSize
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.files += right.files
        if let size = right.size { sum.size = (left.size ?? 0).addingSaturating(size) }
        return sum
    }
}
