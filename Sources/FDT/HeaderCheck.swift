import CLibFDT

extension Header {
    /// What is wrong with the header of a tree, or nil where it would pass: no more than a kernel looks at before it
    /// reads a tree that it was handed. C: `fdt_check_header`.
    ///
    /// - Parameter bytes: the tree from its beginning; the rest of the header counts as zero where it is cut short.
    public static func verdict(on bytes: RawSpan) -> FDTError? {
        var storage = Storage(copying: bytes, count: min(bytes.byteCount, size))
        storage.grow(to: size)
        let result = fdt_check_header(storage.bytes)
        return result == 0 ? nil : FDTError(FDTError.Code(rawValue: -result), in: "fdt_check_header")
    }
}
