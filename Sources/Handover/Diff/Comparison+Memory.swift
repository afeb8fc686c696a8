import KernelABI

// Compares bytes that are not part of a state.
extension Comparison {
    mutating func compareResidue(_ before: [ResidueState], _ after: [ResidueState]) {
        for pair in pairs(before, after, by: \.address) where pair.before != pair.after {
            guard let residue = pair.before ?? pair.after else { continue }
            let extents = pair.before == nil ? self.after.extents : self.before.extents
            let bytes = [(pair.before, self.before), (pair.after, self.after)].map { known, side in
                known?.data ?? side.memory?.copy(at: residue.address, count: residue.data.count)
            }
            if let old = bytes[0], old == bytes[1] { continue }
            // If a state was not read completely, bytes missing from it are unknown.
            if self.before.absence == .unknown || self.after.absence == .unknown, bytes.contains(nil) {
                noteUncompared(
                    Subject("bytes at \(extents.place(of: residue.address))"), bytes[0] != nil, bytes[1] != nil)
                continue
            }
            let texts = Self.texts(of: pair.before?.data, pair.after?.data, orElse: "as in the state")
            let address = residue.address.advanced(by: UInt64(texts.same)) ?? residue.address
            note(Subject("bytes at \(extents.place(of: address))", isLayout: isMoved), texts.before, texts.after)
        }
    }

    /// The number of equal bytes at the beginning of two pieces, and the text of the rest of each.
    static func texts(
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

    /// Compares preserved memory that is not in a structure, file or region: payloads of FLBs, and the former targets
    /// of broken links.
    mutating func compareUndescribedMemory() {
        guard !before.extents.isEmpty, !after.extents.isEmpty, let pageSize = before.state.pageSize else { return }
        let rest = [before, after].map { side in
            let described = (side.extents.filter(\.role.isMetadata) + side.state.contentsExtents).pages(of: pageSize)
            return (side.state.preserved?.ranges ?? []).flatMap { $0.pieces(notIn: described) }
        }
        compareMemory(
            "preserved pages that no structure describes", rest[0].flatMap { $0.pieces(in: rest[1]) }, isLayout: isMoved
        )
    }

    /// Compares pages of the first side with those of the second that are `distance` bytes further on. Pages that are
    /// on neither side count as equal.
    mutating func compareMemory(
        _ subject: String, _ ranges: [Range<PhysicalAddress>], movedBy distance: UInt64 = 0, isLayout: Bool
    ) {
        guard !ignoresContents else { return }
        guard let old = before.memory, let new = after.memory, let pageSize = commonPageSize else {
            let isDocument = before.openFile != nil || after.openFile != nil
            let isThere = [before, after].map { side in
                ranges.contains { side.memory?.copy(at: $0.lowerBound, count: 1) != nil }
            }
            if isDocument, !isLayout, !ranges.isEmpty { noteUncompared(Subject(subject), isThere[0], isThere[1]) }
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
            note(Subject("\(count) \(subject), the first at \(changed.first)", isLayout: isLayout))
        }
        if let oneSided {
            noteUncompared(
                Subject("\(oneSided.count) \(subject), the first at \(oneSided.first)", isLayout: isLayout),
                oneSided.isInBefore, !oneSided.isInBefore)
        }
    }
}
