import KernelABI

extension ImageWriter {
    /// Writes the chunks that list the pages of an area.
    mutating func write(_ area: VmallocState, owner: Owner, path: String) throws(WriteError) {
        let layout = VmallocChunkLayout.layout(pageSize)
        let chunks = area.chunks ?? []
        for (index, chunk) in chunks.enumerated() {
            try place(
                layout.structure.size, at: chunk.address, role: .vmallocChunk, form: .structure(layout.structure),
                owner: owner, path: "\(path).vmalloc.chunks[\(index)].pa"
            ) { (bytes) throws(WriteError) in
                if index + 1 < chunks.count {
                    guard let next = chunks[index + 1].address else { throw .incomplete("\(path).vmalloc") }
                    layout.header.layout.next.write(next, to: &bytes, at: layout.header.offset)
                }
                for (place, page) in chunk.pages.prefix(layout.pages.count).enumerated() {
                    layout.pages[place].write(page, to: &bytes)
                }
            }
        }
    }

    /// The maximum number of pages of an area without records.
    private static var emptyPages: UInt64 { 1024 }

    /// Writes records into the pages of an area.
    ///
    /// - Parameter record: Writes the record with this index at an offset in a page; records do not cross pages.
    mutating func writeRecords(
        _ count: Int, of structure: StructureDescription, in area: VmallocState, role: Extent.Role, owner: Owner,
        path: String, _ record: (Int, inout [UInt8], Int) -> Void
    ) throws(WriteError) {
        let perPage = pageSize.bytes / structure.size
        var index = 0
        // Allow some empty pages after the last record, but not the 2^32 that a bogus count could ask for.
        let limit = UInt64(count / perPage) + Self.emptyPages
        for page in VmallocReader.pages(of: area, pageSize: pageSize, limit: limit) {
            let here = min(perPage, count - index)
            try place(
                pageSize.bytes, at: page, role: role,
                form: .records(header: nil, record: structure, count: here), owner: owner, path: path
            ) { bytes in
                for place in 0..<here { record(index + place, &bytes, place * structure.size) }
            }
            index += here
        }
    }

    /// Writes bytes into the pages of an area, across page boundaries.
    mutating func write(
        _ bytes: [UInt8], in area: VmallocState, role: Extent.Role,
        form: (_ start: Int, _ count: Int) -> Extent.Form, owner: Owner, path: String
    ) throws(WriteError) {
        var start = 0
        let limit = UInt64(bytes.count / pageSize.bytes) + Self.emptyPages
        for page in VmallocReader.pages(of: area, pageSize: pageSize, limit: limit) {
            let end = min(bytes.count, start + pageSize.bytes)
            try placePages(
                pageSize.bytes, at: page, role: role, form: form(start, end - start), owner: owner, path: path
            ) { $0.replaceSubrange(0..<end - start, with: bytes[start..<end]) }
            start = end
        }
    }
}
