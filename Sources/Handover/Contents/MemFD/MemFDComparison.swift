import KernelABI

extension MemFDState {
    func compare(to other: any Content, _ subject: String, by comparison: inout Comparison) -> Bool {
        guard let other = other as? Self else { return false }
        comparison.compare(self, other, subject)
        return true
    }
}

extension Comparison {
    fileprivate mutating func compare(_ before: MemFDState, _ after: MemFDState, _ subject: String) {
        compare("\(subject), position", before.position, after.position)
        compare("\(subject), size", before.size, after.size)
        compare("\(subject), seals", before.seals.map(\.prefixedHex), after.seals.map(\.prefixedHex))
        compare("\(subject), flags", before.flags.map(\.prefixedHex), after.flags.map(\.prefixedHex))
        compareLayout("\(subject), number of folios", before.folioCount, after.folioCount)
        compareFolios(subject, before.folios ?? [], after.folios ?? [])
        let (old, new) = (before.vmalloc, after.vmalloc)
        compareLayout("\(subject), list of folios, flags", old?.flags, new?.flags)
        compareLayout("\(subject), list of folios, order", old?.order, new?.order)
        compareLayout("\(subject), list of folios, pages", old?.totalPages, new?.totalPages)
        if let old = old?.chunks, let new = new?.chunks, old != new {
            noteMissing(
                "\(subject), list of folios, addresses", old.first?.address?.description,
                new.first?.address?.description, isLayout: true)
        }
    }

    private mutating func compareFolios(_ subject: String, _ before: [FolioState], _ after: [FolioState]) {
        let flags = zip(before, after).filter { $0.index == $1.index && $0.flags != $1.flags }
        if let first = flags.first {
            note(
                "\(subject), flags of the folio at page \(first.0.index)", first.0.flags.prefixedHex,
                first.1.flags.prefixedHex)
        }
        let moved = zip(before, after).filter { $0.index != $1.index || $0.pfn != $1.pfn }
        if let first = moved.first {
            note(
                "\(subject), \(moved.count) folios, the first at page \(first.0.index)", first.0.pfn.prefixedHex,
                first.1.pfn.prefixedHex, isLayout: true)
        }
    }
}
