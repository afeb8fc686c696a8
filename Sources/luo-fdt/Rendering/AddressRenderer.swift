import Handover
import KernelABI

/// Shows what a handover contains at an address.
///
///     0x7d4b040  in the input, preserved in a block of order 0 at 0x7d4b000
///     ├─ files of session "vm-alpha", block 1  at 0x7d4b000  +0x40  luo_file_ser[0].data  0x7d4c000
///     └─ pointed to by 1 field
///        └─ 0x7d4a050  luo_session_ser[0].file_set_ser.files  in sessions of LUO, block 1
struct AddressRenderer {
    var style = TextStyle.plain
    /// Whether to show long lists in full.
    var all = false

    func render(_ answer: AddressAnswer, memory: any PhysicalMemory, to sink: inout TextSink) {
        var outline = Outline(style: style)
        outline.title(title(answer), to: &sink)
        if answer.places.isEmpty {
            outline.line(
                [Cell("not part of the handover", .warning)], isLast: false, to: &sink)
        }
        for place in answer.places {
            outline.line(cells(place, answer.address, memory), isLast: false, to: &sink)
        }
        let count = answer.pointers.count
        let heading =
            count == 0 ? "nothing in the handover points to it" : "pointed to by \(Quantity.count(count, "field"))"
        outline.line([Cell(heading, .heading)], isLast: true, to: &sink) { outline, sink in
            let shown = all || count <= TreeRenderer.Limit.others + 1 ? count : TreeRenderer.Limit.others
            let lines = answer.pointers.prefix(shown).map { cells($0, memory) }
            let columns = Columns(lines)
            for (index, line) in lines.enumerated() {
                outline.line(line, columns: columns, isLast: index == count - 1, to: &sink)
            }
            if shown < count { outline.line([Cell("… \(count - shown) more", .faint)], isLast: true, to: &sink) }
        }
        sink.finish()
    }

    private func title(_ answer: AddressAnswer) -> [Cell] {
        let preserved =
            if let block = answer.block {
                Cell("preserved in the block of order \(block.order) at \(block.address)")
            } else if answer.isMapKnown {
                Cell("not preserved", .warning)
            } else {
                Cell("not known whether it is preserved", .warning)
            }
        return [
            Cell("\(answer.address)", .address), preserved,
            answer.isAvailable ? Cell("in the input", .faint) : Cell("not in the input", .warning),
        ]
    }

    private func cells(_ place: AddressAnswer.Place, _ address: PhysicalAddress, _ memory: any PhysicalMemory) -> [Cell]
    {
        let extent = place.extent
        let offset = address.rawValue - extent.address.rawValue
        var cells = [
            Cell(extent.title, .name), Cell("at \(extent.address)"), Cell("+\(offset.prefixedHex)", .faint),
        ]
        if let offset = place.fileOffset {
            cells.append(Cell("byte \(offset) of the file"))
        } else if extent.role.isMetadata {
            let pointer = AddressAnswer.Pointer(extent: extent, offset: Int(offset))
            if let field = field(pointer, memory) { cells += [Cell(field.name), Cell(field.value)] }
        }
        return cells
    }

    private func cells(_ pointer: AddressAnswer.Pointer, _ memory: any PhysicalMemory) -> [Cell] {
        let address = pointer.extent.address.advanced(by: UInt64(pointer.offset))
        return [
            Cell(address?.description ?? "", .address), Cell(field(pointer, memory)?.name ?? ""),
            Cell("in \(pointer.extent.title)", .faint),
        ]
    }

    /// The field that contains a byte, and its value.
    private func field(_ pointer: AddressAnswer.Pointer, _ memory: any PhysicalMemory) -> (name: String, value: String)?
    {
        guard let bytes = pointer.bytes(in: memory) else { return nil }
        var found: (name: String, value: String)?
        // A value in an FDT is identified by its node and property, which come before it.
        var node = ""
        var property = ""
        StructureAnnotator(bytes: bytes).annotate(pointer.extent.form) { annotation in
            guard found == nil else { return }
            let field = annotation.field.drop { $0 == " " }
            if field == "FDT_BEGIN_NODE" { node = annotation.value }
            if field == "FDT_PROP" { property = annotation.value }
            guard annotation.range.contains(pointer.offset) else { return }
            found = (field == "value" ? "\(node) \(property.prefix { $0 != "," })" : String(field), annotation.value)
        }
        return found
    }
}
