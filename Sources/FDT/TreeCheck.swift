import CLibFDT

extension Storage {
    /// What libfdt finds wrong with the bytes as a tree, or nil.
    func verdict() -> FDTError? {
        if let error = trapVerdict() { return error }
        let result = fdt_check_full(words, count)
        guard result == 0 else { return FDTError(.init(negated: result), in: "fdt_check_full") }
        // fdt_check_full passes a tree without a root; whoever asks libfdt for one is told so here.
        var length: Int32 = 0
        guard fdt_get_name(words, 0, &length) != nil else {
            return FDTError(.init(negated: length), in: "fdt_get_name")
        }
        return nil
    }

    /// Looks for what `fdt_check_full` of libfdt 1.6 does not survive, and gives the verdict that later ones give:
    ///
    /// - A property of nearly 2^32 bytes: the sum of offset and length wraps around, so that the next tag is the same
    ///   one again (for ever, with 0xfffffff4) or lies within the property.
    /// - Before version 16, where names of nodes are whole paths, a name without a slash: a null pointer is followed
    ///   if it is the root's.
    private func trapVerdict() -> FDTError? {
        guard let header = withBytes({ Header($0) }), header.totalSize <= count, fdt_check_header(words) == 0 else {
            return nil
        }
        var offset: Int32 = 0
        while offset >= 0 {
            var next: Int32 = 0
            switch CInt(bitPattern: fdt_next_tag(words, offset, &next)) {
            case FDT_PROP:
                let lengthOffset = Int(header.structureOffset) + Int(offset) + 4
                let length = withBytes { $0.bigEndianUInt32(at: lengthOffset) }
                guard let length, length <= Int32.max else { return FDTError(.badStructure, in: "fdt_next_tag") }
            case FDT_BEGIN_NODE where header.version < 16:
                var length: Int32 = 0
                guard fdt_get_name(words, offset, &length) != nil else {
                    return FDTError(.init(negated: length), in: "fdt_get_name")
                }
            case FDT_END:
                return nil
            default:
                break
            }
            offset = next
        }
        return nil
    }
}
