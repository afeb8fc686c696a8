import Handover
import KernelABI

/// Describes each byte of a piece of memory, using the descriptions of the kernel's structures.
///
/// Accepts truncated input and marks it.
struct StructureAnnotator {
    let bytes: [UInt8]

    func annotate(_ form: Extent.Form, _ take: AnnotationTaker) {
        switch form {
        case .tree:
            TreeAnnotator(bytes: bytes).annotate(take)
        case .structure(let structure):
            slack(from: annotate(structure, at: 0, path: structure.name, take), take)
        case .records(let header, let record, let count):
            var end = 0
            if let header { end = annotate(header, at: 0, path: header.name, take) }
            var index = 0
            while index < count, end < bytes.count, record.size > 0 {
                end = annotate(record, at: end, path: "\(record.name)[\(index)]", take)
                index += 1
            }
            slack(from: end, take)
        case .slice(let record, let start, let count):
            guard record.size > 0 else { return slack(from: 0, take) }
            let end = min(max(count, 0), bytes.count)
            var (index, before) = start.quotientAndRemainder(dividingBy: record.size)
            var base = -before
            while base < end {
                base = annotate(record, at: base, path: "\(record.name)[\(index)]", take)
                index += 1
            }
            slack(from: min(base, bytes.count), take)
        case .opaque:
            guard !bytes.isEmpty else { return }
            take(Annotation(range: 0..<bytes.count, field: "", kind: .dump))
        }
    }

    /// Annotates the bytes after the structures.
    private func slack(from start: Int, _ take: AnnotationTaker) {
        guard start < bytes.count else { return }
        let range = start..<bytes.count
        let isZero = bytes[range].allSatisfy { $0 == 0 }
        take(Annotation(range: range, field: isZero ? "zeros" : "slack", kind: isZero ? .filler(0) : .dump))
    }

    // MARK: - Structures

    /// - Returns: The end of the structure, or of the bytes if it is cut short.
    private func annotate(
        _ structure: StructureDescription, at base: Int, path: String, _ take: AnnotationTaker
    ) -> Int {
        let end = min(bytes.count, base + structure.size)
        var cursor = max(base, 0)
        for field in structure.fields {
            let start = base + field.offset
            if start < 0 {
                let last = min(end, start + field.size)
                guard last > cursor else { continue }
                take(
                    Annotation(
                        range: cursor..<last, field: "\(path).\(field.name)", value: "continued from the previous page")
                )
                cursor = last
                continue
            }
            if field.bits != nil, start < cursor {
                // The word was shown with its first bit field.
                if start + field.size <= end {
                    take(
                        Annotation(
                            range: cursor..<cursor, field: "\(path).\(field.name)", value: value(of: field, at: start)))
                }
                continue
            }
            guard start >= cursor, start < end, field.size > 0 else { continue }
            if start > cursor { take(padding(cursor..<start)) }
            annotate(field, in: start..<min(end, start + field.size), path: "\(path).\(field.name)", take)
            cursor = min(end, start + field.size)
        }
        if cursor < end { take(padding(cursor..<end)) }
        return end
    }

    private func padding(_ range: Range<Int>) -> Annotation {
        Annotation(range: range, field: "padding")
    }

    private func annotate(_ field: FieldDescription, in range: Range<Int>, path: String, _ take: AnnotationTaker) {
        if let nested = field.nested?.description {
            guard let count = field.count else {
                _ = annotate(nested, at: range.lowerBound, path: path, take)
                return
            }
            return annotateElements(count, of: nested.size, in: range, path: path, take) { element, path in
                _ = annotate(nested, at: element.lowerBound, path: path, take)
            }
        }
        if case .bitmap = field.meaning { return annotateBitmap(field, in: range, path: path, take) }
        if case .string = field.meaning {
            return take(Annotation(range: range, field: path, value: string(in: range, of: field.size)))
        }
        guard let count = field.count, count > 0 else {
            return take(Annotation(range: range, field: path, value: value(of: field, in: range)))
        }
        annotateElements(count, of: field.size / count, in: range, path: path, take) { element, path in
            take(Annotation(range: element, field: path, value: scalar(element, field.size / count, field.meaning)))
        }
    }

    /// Annotates the elements of an array; a run of zero elements becomes one annotation.
    private func annotateElements(
        _ count: Int, of size: Int, in range: Range<Int>, path: String, _ take: AnnotationTaker,
        _ annotate: (Range<Int>, String) -> Void
    ) {
        guard size > 0 else { return take(Annotation(range: range, field: path)) }
        var index = 0
        var start = range.lowerBound
        while start < range.upperBound {
            var zeroEnd = start
            while zeroEnd + size <= range.upperBound, bytes[zeroEnd..<zeroEnd + size].allSatisfy({ $0 == 0 }) {
                zeroEnd += size
            }
            let zeros = (zeroEnd - start) / size
            if zeros > 1 {
                take(
                    Annotation(
                        range: start..<zeroEnd, field: "\(path)[\(index)..\(index + zeros - 1)]",
                        value: "\(zeros) zero entries", kind: .filler(0)))
                index += zeros
                start = zeroEnd
                continue
            }
            let end = min(range.upperBound, start + size)
            annotate(start..<end, "\(path)[\(index)]")
            index += 1
            start = end
        }
    }

    // MARK: - Bitmaps

    /// Annotates rows of bits; a run of rows that are all clear or all set becomes one annotation.
    private func annotateBitmap(
        _ field: FieldDescription, in range: Range<Int>, path: String, _ take: AnnotationTaker
    ) {
        let rowSize = HexRenderer.rowSize
        var start = range.lowerBound
        while start < range.upperBound {
            let byte = bytes[start]
            var end = start
            if byte == 0 || byte == 0xff {
                end = bytes[start..<range.upperBound].firstIndex { $0 != byte } ?? range.upperBound
                // Keep rows aligned unless the bitmap ends here.
                if end < range.upperBound { end = start + (end - start) / rowSize * rowSize }
            }
            let isUniform = end - start > rowSize
            if !isUniform { end = min(range.upperBound, start + rowSize) }
            let first = (start - range.lowerBound) * 8
            let last = (end - range.lowerBound) * 8 - 1
            let value =
                isUniform
                ? "bits \(first)-\(last) \(byte == 0 ? "clear" : "set")"
                : bits(in: start..<end, first: first)
            take(
                Annotation(
                    range: start..<end, field: path, value: value, kind: isUniform ? .filler(byte) : .bytes))
            start = end
        }
    }

    /// The runs of set bits in the bytes; bit 0 of the first byte has the number `first`.
    private func bits(in range: Range<Int>, first: Int) -> String {
        var runs: [Range<Int>] = []
        for offset in range {
            for bit in 0..<8 where bytes[offset] >> UInt8(bit) & 1 != 0 {
                let number = first + (offset - range.lowerBound) * 8 + bit
                if let last = runs.last, last.upperBound == number {
                    runs[runs.count - 1] = last.lowerBound..<number + 1
                } else {
                    runs.append(number..<number + 1)
                }
            }
        }
        guard !runs.isEmpty else { return "no bits" }
        let shown = runs.prefix(8).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound - 1)" }
        let rest = runs.count - shown.count
        return (runs.count == 1 && runs[0].count == 1 ? "bit " : "bits ") + shown.joined(separator: ",")
            + (rest > 0 ? " and \(Quantity.count(rest, "more run"))" : "")
    }

    // MARK: - Values

    private func string(in range: Range<Int>, of size: Int) -> String {
        let text = bytes[range].prefix { $0 != 0 }
        let rest = bytes[range][text.endIndex...]
        if rest.isEmpty { return ImageText(text).quoted + (range.count < size ? " (truncated)" : " (no NUL)") }
        return ImageText(text).quoted + (rest.allSatisfy { $0 == 0 } ? "" : " (and more after its NUL)")
    }

    private func value(of field: FieldDescription, at start: Int) -> String {
        value(of: field, in: start..<start + field.size)
    }

    private func value(of field: FieldDescription, in range: Range<Int>) -> String {
        guard let bits = field.bits, range.count == field.size else { return scalar(range, field.size, field.meaning) }
        let mask = bits.count >= 64 ? UInt64.max : (1 << UInt64(bits.count)) - 1
        return text(of: littleEndian(range) >> UInt64(bits.lowerBound) & mask, of: bits.count, field.meaning)
    }

    private func scalar(_ range: Range<Int>, _ size: Int, _ meaning: FieldDescription.Meaning) -> String {
        guard range.count == size else { return "truncated: \(range.count) of \(size) bytes" }
        return size <= 8 ? text(of: littleEndian(range), of: 8 * size, meaning) : ""
    }

    private func littleEndian(_ range: Range<Int>) -> UInt64 {
        bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// - Parameter width: The number of bits that the value can hold.
    private func text(of value: UInt64, of width: Int, _ meaning: FieldDescription.Meaning) -> String {
        switch meaning {
        case .signed:
            "\(Int64(bitPattern: value << UInt64(64 - width)) >> Int64(64 - width))"
        case .number: value < 10 ? "\(value)" : "\(value) (\(value.prefixedHex))"
        case .count: "\(value)"
        case .byteCount: value < 1024 ? "\(value)" : "\(value) (\(Quantity.bytes(value)))"
        case .address(let target): value == 0 ? "none" : "\(value.prefixedHex) (\(target))"
        case .flags(let names): value == 0 ? "0" : "\(value.prefixedHex) (\(Quantity.flags(value, names: names)))"
        case .handle, .string, .bitmap, .structure, .opaque: value.prefixedHex
        }
    }
}
