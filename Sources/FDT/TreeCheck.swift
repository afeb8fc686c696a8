extension Storage {
    /// libfdt's verdict on the bytes as a tree; nil if it accepts them.
    ///
    /// libfdt is slow: it rereads the header for every byte of a node's name. So the structure is surveyed here first.
    /// What is plainly valid, as nearly all trees are, `fdt_check_full` would accept; libfdt decides everything else.
    func verdict() -> FDTError? {
        guard let header = withBytes({ Header($0) }), header.totalSize <= count,
            header.faults(HeaderRules(alignsBlocks: true)).isEmpty
        else { return libfdtVerdict() }
        if withBytes({ Self.hasEndlessName(header, $0) }) {
            return FDTError(.badValue, in: "fdt_get_string", at: "a name of more than \(Self.longestName) bytes")
        }
        switch withBytes({ Self.survey(header, $0) }) {
        case .plain: return Call.reservationCount(bytes).result < 0 ? libfdtVerdict() : nil
        case .unclear: return libfdtVerdict()
        case .trap(let error): return error
        }
    }

    /// C: `fdt_check_full`. It also accepts a tree without a root, which is rejected here.
    func libfdtVerdict() -> FDTError? {
        do throws(FDTError) {
            try Call.check(bytes, count).get()
            try Call.rootName(bytes).get()
            return nil
        } catch {
            return error
        }
    }

    /// The length in bytes of the longest property name that is read: more than fits in a page.
    ///
    /// Names may share their ends. Without a limit, reading all of them would take time quadratic in the tree's size.
    private static let longestName = 4096

    /// Whether the strings block of a tree of several pages contains a longer name.
    private static func hasEndlessName(_ header: Header, _ bytes: RawSpan) -> Bool {
        guard bytes.byteCount > 1 << 16 else { return false }
        var start = Int(header.stringsOffset)
        let end = min(bytes.byteCount, header.stringsSize.map { start + Int($0) } ?? bytes.byteCount)
        while start + longestName < end {
            guard let nul = bytes.firstNUL(from: start, to: end), nul - start <= longestName else { return true }
            start = nul + 1
        }
        return false
    }

    private enum Survey {
        /// Valid, in the last version of the format.
        case plain
        /// libfdt has to decide.
        case unclear
        /// libfdt must not read it.
        case trap(FDTError)
    }

    /// Surveys the structure block: there is one root, everything is in it, and all property names are in the strings
    /// block.
    ///
    /// Also detects what makes `fdt_check_full` of libfdt 1.6 hang or crash, and returns the verdict of later versions:
    ///
    /// - A property of 2^31 bytes or more: libfdt's sum of offset and length overflows. If it wraps around, the next
    ///   tag is the same one again (forever, with 0xfffffff4) or lies within the property.
    /// - Before version 16, where names of nodes are whole paths, a name without a slash: libfdt dereferences a null
    ///   pointer if it is the root's.
    private static func survey(_ header: Header, _ bytes: RawSpan) -> Survey {
        var isPlain = header.version == 17
        // Every string that begins before the last NUL ends within the block.
        let stringsStart = Int(header.stringsOffset)
        var stringsEnd = min(stringsStart + Int(header.stringsSize ?? 0), bytes.byteCount)
        while stringsEnd > stringsStart, bytes.byte(at: stringsEnd - 1) != 0 { stringsEnd -= 1 }

        var tokens = Tokenizer(header, count: bytes.byteCount)
        var depth = 0
        var hasRoot = false
        while let token = tokens.next(in: bytes) {
            switch token {
            case .beginNode(let name):
                if tokens.nodeName(name, in: bytes) == nil {
                    return .trap(FDTError(.badStructure, in: "fdt_get_name"))
                }
                if depth == 0, hasRoot || !name.isEmpty { isPlain = false }
                hasRoot = true
                depth += 1
            case .endNode:
                depth -= 1
                if depth < 0 { isPlain = false }
            case .property(let property):
                if depth <= 0 || property.nameStart >= stringsEnd { isPlain = false }
            case .nop:
                if depth <= 0 { isPlain = false }
            case .end:
                return isPlain && hasRoot && depth == 0 ? .plain : .unclear
            }
        }
        if case .property(let property) = tokens.remainder(in: bytes),
            property.value.upperBound > Int32.max
        {
            return .trap(FDTError(.badStructure, in: "fdt_next_tag"))
        }
        return .unclear
    }
}
