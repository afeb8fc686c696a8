import KernelABI

extension WriteError {
    /// How much memory contents may take, in bytes: what is zero costs little, but not nothing.
    static let contentsLimit: UInt64 = 1 << 40
}

extension ImageWriter where Destination: ImageDestination {
    /// Writes the whole image: contents, what describes the handover, and the bytes that nothing describes.
    ///
    /// - Parameter open: opens the file that a `content` names.
    mutating func writeAll(_ open: (String) throws(FileError) -> MappedFile) throws(WriteError) {
        // Where a forced document has them overlap, what describes the handover counts.
        try writeContents(open)
        try writeMetadata()
        for residue in state.residue ?? [] {
            try destination.put(residue.data.count, at: residue.address) { $0 = residue.data }
        }
    }

    /// Sets aside the memory of contents.
    private mutating func allocate(_ extent: Extent, _ total: inout UInt64) throws(WriteError) {
        let (sum, overflow) = total.addingReportingOverflow(UInt64(extent.byteCount))
        guard !overflow, sum <= WriteError.contentsLimit else { throw .contentsTooLarge }
        total = sum
        destination.allocate(extent)
    }

    /// Writes the contents of files, and sets aside the memory of those whose contents are not given.
    private mutating func writeContents(_ open: (String) throws(FileError) -> MappedFile) throws(WriteError) {
        let sizes = FolioSizes(preserved: state.preserved, pageSize: pageSize)
        var total: UInt64 = 0
        for (index, session) in (state.luo?.sessions ?? []).enumerated() {
            for (place, file) in (session.files ?? []).enumerated() where file.hasContent {
                guard let contents = file.fileContents else { continue }
                let owner = Owner.file(session: session.name, token: file.token)
                try write(
                    contents, sizes, owner: owner,
                    path: ".luo.sessions[\(index)].files[\(place)]" + (file.content.map { ".\($0.documentKey)" } ?? ""),
                    &total, open)
            }
        }
        for region in state.memblock?.regions ?? [] {
            guard let start = region.start, let count = Int(exactly: region.size) else { continue }
            let extent = Extent(
                address: start, byteCount: count, role: .region, form: .opaque, owner: .region(region.name))
            try allocate(extent, &total)
        }
    }

    private mutating func write(
        _ file: FileContents, _ sizes: FolioSizes, owner: Owner, path: @autoclosure () -> String,
        _ total: inout UInt64, _ open: (String) throws(FileError) -> MappedFile
    ) throws(WriteError) {
        let map = ContentsMap(of: file, sizes, pageSize: pageSize)
        for extent in map.extents(owner: owner) { try allocate(extent, &total) }
        switch file.source {
        case nil: break
        case .text(let text): try write(Array(text.utf8), map, path())
        case .bytes(let bytes): try write(bytes, map, path())
        case .file(let name):
            let source: MappedFile
            do throws(FileError) {
                source = try open(name)
            } catch {
                throw .file(error)
            }
            try write(source, map, path())
        }
    }

    private mutating func write(
        _ bytes: [UInt8], _ map: ContentsMap, _ path: @autoclosure () -> String
    ) throws(WriteError) {
        var start = 0
        while start < bytes.count {
            let piece = Array(bytes[start..<min(bytes.count, start + pageSize.bytes)])
            try write(piece, page: UInt64(start / pageSize.bytes), map, path())
            start += pageSize.bytes
        }
    }

    private mutating func write(
        _ file: MappedFile, _ map: ContentsMap, _ path: @autoclosure () -> String
    ) throws(WriteError) {
        var start: UInt64 = 0
        while start < file.count {
            let piece: [UInt8]
            do throws(FileError) {
                piece = try file.withBytes(at: start, count: Int(min(UInt64(pageSize.bytes), file.count - start))) {
                    [UInt8](copying: $0)
                }
            } catch {
                throw .file(error)
            }
            try write(piece, page: start >> UInt64(pageSize.shift), map, path())
            start += UInt64(pageSize.bytes)
        }
    }

    /// Writes a page of a file. A page of zeros takes no room, and may be in a hole.
    private mutating func write(
        _ bytes: [UInt8], page: UInt64, _ map: ContentsMap, _ path: @autoclosure () -> String
    ) throws(WriteError) {
        guard bytes.contains(where: { $0 != 0 }) else { return }
        guard let address = map.address(ofPage: page) else { throw .hole(path(), page: page) }
        try destination.put(bytes.count, at: address) { $0 = bytes }
    }
}
