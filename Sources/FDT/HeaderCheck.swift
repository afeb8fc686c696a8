/// A fault in a tree's header that libfdt rejects.
public struct HeaderFault: Sendable, Hashable {
    /// libfdt's reason.
    public let code: FDTError.Code
    /// The affected part of the tree.
    public let part: PartialTree.Missing.Part
    /// The affected bytes, as offsets from the start of the tree.
    public let range: Range<Int>
    /// A description of the fault.
    public let reason: String
}

/// Header requirements that differ between versions of libfdt.
public struct HeaderRules: Sendable, Hashable {
    /// Whether the memory reservation block must be 8-byte aligned, and the structure block 4-byte aligned.
    public var alignsBlocks: Bool

    public init(alignsBlocks: Bool) {
        self.alignsBlocks = alignsBlocks
    }
}

extension Header {
    /// Why the header of a tree is rejected; `nil` if it passes. C: `fdt_check_header`.
    ///
    /// The verdict does not depend on the libfdt at run time.
    ///
    /// - Parameters:
    ///   - bytes: The tree from its beginning; if the header is cut short, the rest of it counts as zero.
    ///   - address: The address of the tree, if known: every libfdt requires 8-byte alignment.
    ///   - rules: What the kernel's own libfdt requires in addition.
    public static func verdict(on bytes: RawSpan, at address: UInt64? = nil, _ rules: HeaderRules) -> FDTError? {
        if let address, !address.isMultiple(of: 8) {
            return FDTError(.alignment, in: "fdt_check_header", at: "\(hex(address)) is not a multiple of 8")
        }
        let missing = max(0, size - bytes.byteCount)
        let padded = bytes.extracting(first: size).array + [UInt8](repeating: 0, count: missing)
        return Header(padded.span.bytes)?.faults(rules).first.map { fault in
            FDTError(fault.code, in: "fdt_check_header", at: fault.reason)
        }
    }

    /// All faults in the header, in the order in which `fdt_check_header` finds them.
    func faults(_ rules: HeaderRules) -> [HeaderFault] {
        var faults: [HeaderFault] = []
        func add(
            _ code: FDTError.Code, _ part: PartialTree.Missing.Part, _ range: Range<Int>, _ reason: String
        ) {
            faults.append(HeaderFault(code: code, part: part, range: range, reason: reason))
        }
        let total = Int(totalSize)
        if magic != Header.magic {
            add(.badMagic, .header, 0..<4, "magic is \(hex(magic)), not \(hex(Header.magic))")
        }
        if version < 2 || lastCompatibleVersion > 17 || version < lastCompatibleVersion {
            add(
                .badVersion, .header, 20..<28,
                "version \(version), readable as \(lastCompatibleVersion), is not supported")
        }
        if total < size || total > Int(Int32.max) {
            add(.truncated, .header, 4..<8, "totalsize is \(hex(total))")
        }
        let blocks: [(part: PartialTree.Missing.Part, offset: UInt32, size: UInt32?, alignment: UInt32)] = [
            (.memoryReservations, memoryReservationOffset, nil, 8),
            (.structure, structureOffset, structureSize, 4),
            (.strings, stringsOffset, stringsSize, 1),
        ]
        if rules.alignsBlocks {
            for block in blocks where !block.offset.isMultiple(of: block.alignment) {
                let start = Int(block.offset)
                add(.alignment, block.part, start..<start, "\(hex(start)) is not a multiple of \(block.alignment)")
            }
        }
        for block in blocks {
            let start = Int(block.offset)
            let end = start + Int(block.size ?? 0)
            if start < size || end > total {
                add(
                    .truncated, block.part, start..<end,
                    "\(hex(start))..<\(hex(end)) is not between the header's end, \(hex(size)), and totalsize, "
                        + hex(total))
            }
        }
        return faults
    }
}

func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
