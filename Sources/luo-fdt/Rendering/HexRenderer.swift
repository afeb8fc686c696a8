import Handover
import KernelABI

/// Shows bytes with their meaning: offset, bytes, structure and field, value. Every byte is accounted for.
struct HexRenderer: Sendable {
    var style = TextStyle.plain

    /// The number of bytes in a line.
    static let rowSize = 16
    /// The width of these bytes in columns.
    private static let rowWidth = rowSize * 3 - 1
    /// The minimum width of the field names in columns.
    private static let fieldWidth = 40

    /// Writes a heading, the lines, and an empty line.
    ///
    /// - Parameters:
    ///   - title: What the bytes are: `sessions of LUO, block 1`.
    ///   - address: The physical address of the bytes, if known.
    func render(
        _ title: String, address: PhysicalAddress?, bytes: [UInt8], form: Extent.Form, to sink: inout TextSink
    ) {
        let place = address.map { " at \($0)" } ?? ""
        style.write(
            "\(title)\(place), \(bytes.count == 1 ? "1 byte" : "\(bytes.count) bytes")", as: .heading, to: &sink)
        sink.endLine()
        let last = UInt64(bytes.count)
        let widths = Widths(
            address: address.map { $0.rawValue.prefixedHex.utf8.count }, offset: String(last, radix: 16).utf8.count)
        StructureAnnotator(bytes: bytes).annotate(form) { annotation in
            write(annotation, bytes, address, widths, &sink)
        }
        sink.endLine()
        sink.finish()
    }

    /// The widths of the first columns, in digits.
    private struct Widths {
        /// `nil` if there is no address.
        var address: Int?
        var offset: Int
    }

    private func write(
        _ annotation: Annotation, _ bytes: [UInt8], _ address: PhysicalAddress?, _ widths: Widths,
        _ sink: inout TextSink
    ) {
        let range = annotation.range
        switch annotation.kind {
        case .filler(let byte):
            place(range.lowerBound, address, widths, &sink)
            let used = count(range.count, "of \(byte == 0 ? "00" : String(byte, radix: 16))", &sink)
            label(annotation, used: used, &sink)
        case .dump:
            dump(annotation, bytes, address, widths, &sink)
        case .bytes where range.isEmpty:
            place(range.lowerBound, address, widths, &sink)
            label(annotation, used: 0, &sink)
        case .bytes:
            var start = range.lowerBound
            var isFirst = true
            while start < range.upperBound {
                var end = min(range.upperBound, start + Self.rowSize)
                place(start, address, widths, &sink)
                if !isFirst, let zeroEnd = zeros(from: start, in: range, bytes) {
                    end = zeroEnd
                    _ = count(end - start, "of 00", &sink)
                } else {
                    row(start..<end, bytes, &sink)
                }
                if isFirst {
                    label(annotation, used: (end - start) * 3 - 1, &sink)
                } else {
                    sink.endLine()
                }
                isFirst = false
                start = end
            }
        }
    }

    /// The end of a run of zeros of at least one row, if there is one.
    private func zeros(from start: Int, in range: Range<Int>, _ bytes: [UInt8]) -> Int? {
        let end = bytes[start..<range.upperBound].firstIndex { $0 != 0 } ?? range.upperBound
        let aligned = end == range.upperBound ? end : start + (end - start) / Self.rowSize * Self.rowSize
        return aligned - start >= Self.rowSize ? aligned : nil
    }

    /// Writes bytes with their characters; repeated lines are counted.
    private func dump(
        _ annotation: Annotation, _ bytes: [UInt8], _ address: PhysicalAddress?, _ widths: Widths,
        _ sink: inout TextSink
    ) {
        let range = annotation.range
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + Self.rowSize)
            place(start, address, widths, &sink)
            row(start..<end, bytes, &sink)
            sink.spaces((Self.rowSize - (end - start)) * 3 + 2)
            sink.write(UInt8(ascii: "|"))
            for byte in bytes[start..<end] {
                sink.write(byte >= 0x20 && byte < 0x7f ? byte : UInt8(ascii: "."))
            }
            sink.write(UInt8(ascii: "|"))
            if start == range.lowerBound, !annotation.field.isEmpty {
                sink.spaces(Self.rowSize - (end - start) + 2)
                style.write(annotation.field, as: .faint, to: &sink)
            }
            sink.endLine()
            var repeatEnd = end
            while repeatEnd + Self.rowSize <= range.upperBound, end - start == Self.rowSize,
                bytes[repeatEnd..<repeatEnd + Self.rowSize].elementsEqual(bytes[start..<end])
            {
                repeatEnd += Self.rowSize
            }
            if repeatEnd > end {
                place(end, address, widths, &sink)
                sink.write("* ")
                _ = count(repeatEnd - end, "the same", &sink)
                sink.endLine()
            }
            start = repeatEnd
        }
    }

    // MARK: - Columns

    private func place(_ offset: Int, _ address: PhysicalAddress?, _ widths: Widths, _ sink: inout TextSink) {
        if let address, let width = widths.address {
            let here = (address.rawValue &+ UInt64(offset)).prefixedHex
            sink.spaces(width - here.utf8.count)
            style.write(here, as: .address, to: &sink)
            sink.write("  ")
        }
        let digits = String(offset, radix: 16)
        let padding = String(repeating: "0", count: max(0, max(widths.offset, 4) - digits.utf8.count))
        style.write("+\(padding)\(digits)", as: .faint, to: &sink)
        sink.write("  ")
    }

    private func row(_ range: Range<Int>, _ bytes: [UInt8], _ sink: inout TextSink) {
        for offset in range {
            if offset > range.lowerBound { sink.write(UInt8(ascii: " ")) }
            sink.hex(UInt64(bytes[offset]), width: 2)
        }
    }

    /// Writes the number of bytes instead of the bytes.
    private func count(_ count: Int, _ what: String, _ sink: inout TextSink) -> Int {
        let text = "(\(count == 1 ? "1 byte" : "\(count) bytes") \(what))"
        style.write(text, as: .faint, to: &sink)
        return text.utf8.count
    }

    /// Ends a line with the field and its value.
    ///
    /// - Parameter used: The columns used by the bytes.
    private func label(_ annotation: Annotation, used: Int, _ sink: inout TextSink) {
        if !annotation.field.isEmpty {
            sink.spaces(Self.rowWidth - used + 2)
            style.write(annotation.field, as: .name, to: &sink)
        }
        if !annotation.value.isEmpty {
            sink.spaces(max(0, Self.fieldWidth - annotation.field.utf8.count) + 2)
            sink.write(annotation.value)
        }
        sink.endLine()
    }
}
