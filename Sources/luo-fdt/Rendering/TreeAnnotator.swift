import FDT
import Handover
import KernelABI

/// Describes each byte of a flattened tree.
struct TreeAnnotator {
    let bytes: [UInt8]

    func annotate(_ take: AnnotationTaker) {
        var depth = 0
        var isKernels = false
        TreePart.forEach(in: bytes.span.bytes) { part in
            switch part.kind {
            case .beginNode: depth += 1
            case .endNode: depth -= 1
            case .value where depth == 1 && !isKernels:
                isKernels = SourceValue.namesKernelABI(bytes[part.range].span.bytes)
            default: break
            }
            take(annotation(of: part, isKernels))
        }
    }

    private func annotation(of part: TreePart, _ isKernels: Bool) -> Annotation {
        func shown(_ field: String, _ value: String = "") -> Annotation {
            Annotation(range: part.range, field: field, value: value)
        }
        switch part.kind {
        case .header(let name, let word):
            return shown("fdt_header.\(name)", word.map { header(name, $0) } ?? "truncated")
        case .reservation(let index, let address, let size):
            return shown("fdt_reserve_entry[\(index)]", "\(address.prefixedHex), \(Quantity.bytes(size))")
        case .reservationEnd: return shown("fdt_reserve_entry (end)")
        case .beginNode(let name): return shown("FDT_BEGIN_NODE", name.isEmpty ? "/" : ImageText(bytes[name]).quoted)
        case .endNode: return shown("FDT_END_NODE")
        case .property(let nameStart, let count):
            return shown("FDT_PROP", "\(name(at: nameStart)), \(count == 1 ? "1 byte" : "\(count) bytes")")
        case .value(let isWhole): return shown("  value", isWhole ? value(bytes[part.range], isKernels) : "truncated")
        case .nop: return shown("FDT_NOP")
        case .end: return shown("FDT_END")
        case .string(let offset, let isTerminated):
            let text = bytes[part.range].prefix { $0 != 0 }
            return shown("strings+\(offset.prefixedHex)", ImageText(text).quoted + (isTerminated ? "" : " (no NUL)"))
        case .alignment: return shown("padding")
        case .gap: return filler("padding", part.range)
        case .unused(let isCutShort): return filler(isCutShort ? "truncated" : "free", part.range)
        case .behind: return filler("zeros after the tree", part.range)
        }
    }

    /// How much of a property name is shown: names may share their ends, so their total length may exceed the tree's
    /// size.
    private static let longestName = 256

    private func name(at start: Int) -> String {
        guard start < bytes.count else { return "a missing name" }
        let shown = bytes[start...].prefix(Self.longestName)
        guard let end = shown.firstIndex(of: 0) else { return ImageText(shown).quoted + "…" }
        return ImageText(shown[..<end]).quoted
    }

    /// Sizes and versions in decimal, as is usual; anything else in hexadecimal.
    private func header(_ name: String, _ word: UInt32) -> String {
        ["totalsize", "version", "last_comp_version", "boot_cpuid_phys"].contains(name)
            ? "\(word)" : word.prefixedHex
    }

    /// Bytes without a structure: counted if they are zero, otherwise shown.
    private func filler(_ field: String, _ range: Range<Int>) -> Annotation {
        let isZero = bytes[range].allSatisfy { $0 == 0 }
        return Annotation(range: range, field: isZero ? field : "", kind: isZero ? .filler(0) : .dump)
    }

    private func value(_ bytes: ArraySlice<UInt8>, _ isKernels: Bool) -> String {
        let value = bytes.span.bytes
        let form = SourceValue(value)
        switch form {
        case .empty, .bytes: return ""
        case .strings:
            return bytes.dropLast().split(separator: 0).map { ImageText($0).quoted }.joined(separator: ", ")
        case .cells:
            if isKernels, let number = form.number(value) { return "\(number.prefixedHex) (little-endian u64)" }
            return bytes.count == 4 ? "\(SourceValue.cell(value, 0).prefixedHex) (big-endian cell)" : ""
        }
    }
}
