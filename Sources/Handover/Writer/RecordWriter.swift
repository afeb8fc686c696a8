import KernelABI

extension ImageWriter {
    /// Writes records into the array, or the chain of blocks, that contains them.
    ///
    /// - Parameters:
    ///   - header: Writes the fields of an array's header other than the number of records.
    ///   - record: Writes the record with this index at an offset in a page.
    mutating func writeRecords(
        _ count: Int, in container: RecordContainer<some KernelStructure>, at address: PhysicalAddress?,
        blocks: [BlockState]?, role: Extent.Role, owner: Owner, path: @autoclosure () -> String,
        header: (inout [UInt8]) -> Void = { _ in },
        record: (Int, inout [UInt8], Int) throws(WriteError) -> Void
    ) throws(WriteError) {
        let size = container.pagesPerAllocation * pageSize.bytes
        let capacity = container.capacity(pageSize: pageSize)
        let structure = container.record.structure
        switch container.form {
        case .array:
            if address?.rawValue == 0 { return }
            try place(
                size, at: address, role: role,
                form: .records(header: container.header?.structure, record: structure, count: count), owner: owner,
                path: path()
            ) { (bytes) throws(WriteError) in
                container.header?.count.write(UInt64(count), to: &bytes)
                header(&bytes)
                for index in 0..<min(count, capacity) {
                    try record(index, &bytes, container.headerSize + index * structure.size)
                }
            }
        case .blockChain:
            let layout = BlockHeaderLayout.layout
            var index = 0
            for (number, block) in (blocks ?? []).enumerated() {
                let stated = block.count ?? 0
                let next = blocks?.dropFirst(number + 1).first
                let here = Int(min(stated, UInt64(capacity), UInt64(count - index)))
                try place(
                    size, at: block.address, role: role,
                    form: .records(header: container.header?.structure, record: structure, count: here),
                    owner: owner.block(number + 1), path: path()
                ) { (bytes) throws(WriteError) in
                    layout.count.write(stated, to: &bytes)
                    if let next {
                        guard let next = next.address else { throw .incomplete(path()) }
                        layout.next.write(next, to: &bytes)
                    }
                    for place in 0..<here {
                        try record(index + place, &bytes, container.headerSize + place * structure.size)
                    }
                }
                index += here
            }
        }
    }
}
