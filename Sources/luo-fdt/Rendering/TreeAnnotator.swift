import FDT

/// Tells what each byte of a flattened tree is.
///
/// libfdt tells neither where padding is nor what a damaged tree holds, so the tags are looked at here. Any bytes
/// will do: what cannot be followed is shown as bytes without a structure.
struct TreeAnnotator {
    let bytes: [UInt8]

    private enum Block {
        case reservations
        case structure
        case strings
    }

    func annotate(_ take: AnnotationTaker) {
        var cursor = annotateHeader(take)
        guard let header = Header(bytes.span.bytes), header.magic == Header.magic else { return rest(from: cursor, take) }
        let total = min(bytes.count, Int(header.totalSize))
        let strings = Int(header.stringsOffset)
        let structure = Int(header.structureOffset)
        let blocks: [(block: Block, start: Int, end: Int)] = [
            (.reservations, Int(header.memoryReservationOffset), total),
            (.structure, structure, header.structureSize.map { structure + Int($0) } ?? total),
            (.strings, strings, header.stringsSize.map { strings + Int($0) } ?? total),
        ].sorted { $0.start < $1.start }
        for (index, block) in blocks.enumerated() {
            // Blocks that overlap have no structure that could be shown byte by byte.
            guard block.start >= cursor, block.start < total else { continue }
            let next = index + 1 < blocks.count ? blocks[index + 1].start : total
            let end = min(total, block.end, max(next, block.start))
            gap(cursor..<block.start, "padding", take)
            switch block.block {
            case .reservations: cursor = annotateReservations(block.start..<end, take)
            case .structure: cursor = annotateStructure(block.start..<end, header, take)
            case .strings: cursor = annotateStrings(block.start..<end, take)
            }
        }
        gap(cursor..<max(cursor, total), total < Int(header.totalSize) ? "cut short" : "free", take)
        rest(from: max(cursor, total), take)
    }

    private func annotateHeader(_ take: AnnotationTaker) -> Int {
        let names = [
            "magic", "totalsize", "off_dt_struct", "off_dt_strings", "off_mem_rsvmap", "version", "last_comp_version",
            "boot_cpuid_phys", "size_dt_strings", "size_dt_struct",
        ]
        let count = Header(bytes.span.bytes).map { header in
            header.structureSize != nil ? 10 : header.stringsSize != nil ? 9 : header.version >= 2 ? 8 : 7
        } ?? names.count
        var start = 0
        for (index, name) in names.prefix(count).enumerated() where start < bytes.count {
            let end = min(bytes.count, start + 4)
            var value = "cut short"
            if let word = word(at: start) {
                value = index < 5 || index > 7 ? Quantity.hex(word) : "\(word)"
                if index == 1 { value = "\(word)" }
            }
            take(Annotation(range: start..<end, field: "fdt_header.\(name)", value: value))
            start = end
        }
        return start
    }

    // MARK: - Blocks

    private func annotateReservations(_ range: Range<Int>, _ take: AnnotationTaker) -> Int {
        var start = range.lowerBound
        var index = 0
        while start + 16 <= range.upperBound {
            let address = number(at: start)
            let size = number(at: start + 8)
            let isEnd = size == 0
            take(
                Annotation(
                    range: start..<start + 16, field: isEnd ? "fdt_reserve_entry (end)" : "fdt_reserve_entry[\(index)]",
                    value: isEnd && address == 0 ? "" : "\(Quantity.hex(address)), \(Quantity.bytes(size))"))
            start += 16
            index += 1
            if isEnd { break }
        }
        return start
    }

    private func annotateStrings(_ range: Range<Int>, _ take: AnnotationTaker) -> Int {
        var start = range.lowerBound
        while start < range.upperBound {
            let text = bytes[start..<range.upperBound].prefix { $0 != 0 }
            let end = min(range.upperBound, text.endIndex + 1)
            let value = Legible.quoted(text) + (text.endIndex < range.upperBound ? "" : " (no NUL)")
            take(
                Annotation(range: start..<end, field: "strings+\(Quantity.hex(start - range.lowerBound))", value: value))
            start = end
        }
        return start
    }

    private func annotateStructure(_ range: Range<Int>, _ header: Header, _ take: AnnotationTaker) -> Int {
        var start = range.lowerBound
        while let tag = word(at: start), start + 4 <= range.upperBound {
            switch tag {
            case 1:
                let name = bytes[(start + 4)..<range.upperBound].prefix { $0 != 0 }
                let end = min(range.upperBound, name.endIndex + 1)
                let isRoot = name.isEmpty
                take(Annotation(range: start..<end, field: "FDT_BEGIN_NODE", value: isRoot ? "/" : Legible.quoted(name)))
                start = align(end, range, take)
            case 2:
                take(Annotation(range: start..<start + 4, field: "FDT_END_NODE"))
                start += 4
            case 3:
                guard start + 12 <= range.upperBound, let length = word(at: start + 4),
                    let nameOffset = word(at: start + 8)
                else { return start }
                let name = name(at: Int(header.stringsOffset) + Int(nameOffset))
                take(
                    Annotation(
                        range: start..<start + 12, field: "FDT_PROP",
                        value: "\(name), \(length == 1 ? "1 byte" : "\(length) bytes")"))
                let valueStart = start + 12
                let end = min(range.upperBound, valueStart + Int(length))
                if end > valueStart {
                    let isWhole = end - valueStart == Int(length)
                    take(
                        Annotation(
                            range: valueStart..<end, field: "  value",
                            value: isWhole ? value(bytes[valueStart..<end]) : "cut short"))
                }
                start = align(end, range, take)
            case 4:
                take(Annotation(range: start..<start + 4, field: "FDT_NOP"))
                start += 4
            case 9:
                take(Annotation(range: start..<start + 4, field: "FDT_END"))
                return start + 4
            default:
                return start
            }
        }
        return start
    }

    /// Annotates the bytes up to the next word of the structure block.
    private func align(_ offset: Int, _ range: Range<Int>, _ take: AnnotationTaker) -> Int {
        let end = min(range.upperBound, range.lowerBound + (offset - range.lowerBound + 3) / 4 * 4)
        if end > offset { take(Annotation(range: offset..<end, field: "padding")) }
        return end
    }

    // MARK: - Values

    private func value(_ bytes: ArraySlice<UInt8>) -> String {
        let value = bytes.span.bytes
        switch SourceValue(value) {
        case .empty, .bytes: return ""
        case .strings:
            return bytes.dropLast().split(separator: 0).map { Legible.quoted($0) }.joined(separator: ", ")
        case .cells:
            if let number = SourceValue.number(value) { return "\(Quantity.hex(number)) (little-endian u64)" }
            return bytes.count == 4 ? "\(Quantity.hex(SourceValue.cell(value, 0))) (big-endian cell)" : ""
        }
    }

    private func name(at offset: Int) -> String {
        guard offset < bytes.count else { return "a name that is not there" }
        return Legible.quoted(bytes[offset...].prefix { $0 != 0 })
    }

    private func word(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= bytes.count - 4 else { return nil }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func number(at offset: Int) -> UInt64 {
        bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }

    // MARK: - What has no structure

    private func gap(_ range: Range<Int>, _ field: String, _ take: AnnotationTaker) {
        guard !range.isEmpty else { return }
        let isZero = bytes[range].allSatisfy { $0 == 0 }
        take(Annotation(range: range, field: isZero ? field : "", kind: isZero ? .filler(0) : .dump))
    }

    private func rest(from start: Int, _ take: AnnotationTaker) {
        gap(start..<max(start, bytes.count), "zeros behind the tree", take)
    }
}
