import Handover
import KernelABI

extension HandoverView {
    /// The preserved memory; `nil` if there is neither a map of it nor the address of one.
    func preserved() -> Section? {
        let heading = Cell("preserved memory", .heading)
        guard let preserved = state.preserved else {
            guard let map = state.kho?.preservedMemoryMap else { return nil }
            let cells = [heading, absent(map)]
            return line(cells)
        }
        let isSummarized = preserved.pages != nil && preserved.blocksByOrder != nil && preserved.ranges != nil
        let summary = isSummarized ? nil : preserved.summary(pageSize: pageSize)
        let pages = preserved.pages ?? summary?.pages ?? 0
        let bytes = preserved.bytes ?? summary?.bytes ?? 0
        let ranges = preserved.ranges ?? summary?.ranges ?? []
        let blocks = preserved.blocksByOrder ?? summary?.blocksByOrder ?? [:]
        let cells =
            [
                heading, Cell(Quantity.count(pages, "page")), Cell(Quantity.bytes(bytes)),
                Cell("in \(Quantity.count(ranges.count, "range"))"),
            ] + (isMapIncomplete ? [Cell("and more: part of the map is not available", .warning)] : [])
        return { outline, sink, isLast in
            outline.line(cells, isLast: isLast, to: &sink) { outline, sink in
                let lines = [mapLine(preserved), blocksLine(blocks)].compactMap { $0 }
                let columns = Columns(lines.map { Array($0.prefix(1)) })
                for (index, line) in lines.enumerated() {
                    let isLast = index == lines.count - 1 && !(all && !ranges.isEmpty)
                    outline.line(line, columns: columns, isLast: isLast, to: &sink)
                }
                if all { list(ranges.count, &outline, &sink) { rangeLine(ranges[$0]) } }
            }
        }
    }

    private func mapLine(_ preserved: PreservedState) -> [Cell]? {
        let place = state.kho?.preservedMemoryMap.map { " at \($0)" } ?? ""
        switch preserved.map {
        case nil: return nil
        case .chunks(let chunks):
            let bitmaps = chunks.reduce(0) { $0 + $1.bitmaps.count }
            let text = "\(Quantity.count(chunks.count, "chunk")) of \(Quantity.count(bitmaps, "bitmap"))"
            return [Cell("map", .faint), Cell(text + place)]
        case .radix(let tree):
            let tables = Quantity.count(tree.nodes.count, "table")
            let text = "radix tree of \(tables) and \(Quantity.count(tree.leaves.count, "leaf", "leaves"))"
            return [Cell("map", .faint), Cell(text + place)]
        }
    }

    private func blocksLine(_ blocks: [Int: UInt64]) -> [Cell]? {
        guard !blocks.isEmpty else { return nil }
        let parts = blocks.sorted { $0.key < $1.key }.map { order, count in
            let shift = pageSize.shift + order
            return "\(count) × \(shift < 64 ? Quantity.bytes(1 << UInt64(shift)) : "2^\(shift) B")"
        }
        return [Cell("blocks", .faint)] + parts.map { Cell($0) }
    }

    private func rangeLine(_ range: Range<PhysicalAddress>) -> [Cell] {
        let size = range.upperBound.rawValue - range.lowerBound.rawValue
        return [
            Cell("\(range.lowerBound)–\((range.upperBound.rawValue &- 1).prefixedHex)", .address),
            Cell(Quantity.count(size >> UInt64(pageSize.shift), "page"), right: true),
            Cell(Quantity.bytes(size), right: true),
        ]
    }
}
