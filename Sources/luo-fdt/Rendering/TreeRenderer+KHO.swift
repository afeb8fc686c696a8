import Handover
import KernelABI

extension HandoverView {
    func root(_ kho: KHOState) -> Section {
        let cells = [
            Cell("root FDT", .heading),
            kho.fdtAddress.map { Cell($0.description, .address) } ?? Cell("address not known", .faint),
            Cell(kho.fdtSize.map(Quantity.bytes) ?? ""),
            kho.compatible.map { Cell($0.bare) } ?? Cell("no compatible", .warning),
        ]
        return line(cells)
    }

    func subtrees(_ kho: KHOState) -> Section {
        guard let subtrees = kho.subtrees else {
            return line([Cell("subtrees", .heading), Cell("not available", .warning)])
        }
        return { outline, sink, isLast in
            let heading = Cell(Quantity.count(subtrees.count, state.isOfNoHandover ? "blob" : "subtree"), .heading)
            outline.line([heading], isLast: isLast, to: &sink) { outline, sink in
                list(subtrees.count, &outline, &sink) {
                    subtree(subtrees[$0])
                } below: {
                    records(subtrees[$0].contentLists, &$1, &$2)
                }
            }
        }
    }

    private func subtree(_ subtree: SubtreeState) -> [Cell] {
        [
            Cell(subtree.name.bare, .name),
            subtree.address.map { Cell($0.description, .address) }
                ?? (state.isOfNoHandover ? Cell("") : Cell("no address", .warning)),
            Cell(subtree.size.map(Quantity.bytes) ?? "", right: true),
            kind(of: subtree),
        ]
    }

    /// The detected kind of a subtree.
    private func kind(of subtree: SubtreeState) -> Cell {
        let name = subtree.name.validString
        if name == state.generation?.luo?.subtree, let luo = state.luo {
            return Cell(luo.compatible.map(\.bare) ?? "LUO state")
        }
        if let title = name.flatMap(state.title(ofSubtree:)) { return Cell(title) }
        if let address = subtree.address, let reason = reason(at: address) { return Cell(reason, .warning) }
        if let cells = subtree.contentCells { return Cell(cells.map(\.text).joined(separator: "  ")) }
        guard let data = subtree.data else { return absent(subtree.address, isShown: true) }
        return Cell(BlobKind(data).description, .faint)
    }

    func section(_ entries: ContentList) -> Section {
        { outline, sink, isLast in
            let heading = Cell(Quantity.count(entries.count, entries.name), .heading)
            outline.line([heading], isLast: isLast, to: &sink) { outline, sink in
                list(entries.count, &outline, &sink) { entries[$0].map { Cell($0) } }
            }
        }
    }

    func staleRoots(_ stale: [PhysicalAddress]) -> Section {
        let shown = self.shown(stale.count, limit: TreeRenderer.Limit.others)
        var text = stale.prefix(shown).map(\.description).joined(separator: ", ")
        if shown < stale.count { text += ", … \(stale.count - shown) more" }
        let cells = [
            Cell(Quantity.count(stale.count, "stale root"), .heading), Cell(text, .warning),
            Cell("left by earlier handovers", .faint),
        ]
        return line(cells)
    }

    func residue(_ residue: [ResidueState]) -> Section {
        let bytes = residue.reduce(0) { $0 + UInt64($1.data.count) }
        let cells = [
            Cell("residue", .heading), Cell(Quantity.bytes(bytes)),
            Cell("in \(Quantity.count(residue.count, "place"))"),
        ]
        return line(cells)
    }
}
