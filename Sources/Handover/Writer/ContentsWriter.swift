import KernelABI

extension WriteError {
    /// The maximum memory for contents, in bytes: zeros are cheap, but not free.
    static let contentsLimit: UInt64 = 1 << 40
}

extension ImageWriter where Destination: ImageDestination {
    /// Writes the whole image: contents, the description of the handover, and residue.
    ///
    /// - Parameter open: Opens the file that a `content` names.
    mutating func writeAll(_ open: (String) throws(FileError) -> MappedFile) throws(WriteError) {
        // If a forced document makes them overlap, the description of the handover wins.
        try writeContents(open)
        try writeMetadata()
        var total: UInt64 = 0
        for residue in state.residue ?? [] {
            let size = max(residue.size ?? 0, UInt64(residue.data.count))
            guard let end = residue.address.advanced(by: size) else {
                throw .outside(residue.address, Int(clamping: size))
            }
            try count(size, &total)
            destination.allocate(residue.address..<end)
            try destination.put(residue.data.count, at: residue.address) { $0 = residue.data }
        }
    }

    /// Reserves the memory of contents.
    private mutating func allocate(_ extent: Extent, _ total: inout UInt64) throws(WriteError) {
        try count(UInt64(extent.byteCount), &total)
        destination.allocate(extent)
    }

    private func count(_ size: UInt64, _ total: inout UInt64) throws(WriteError) {
        let (sum, overflow) = total.addingReportingOverflow(size)
        guard !overflow, sum <= WriteError.contentsLimit else { throw .contentsTooLarge }
        total = sum
    }

    /// Writes the contents of files, and reserves memory for those whose contents are not given.
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
        for extent in state.subtreeExtents { try allocate(extent, &total) }
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
            let source = try rethrow(open(name), as: WriteError.file)
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
        var end: UInt64 = 0
        for run in map.runs {
            let (start, overflow) = run.index.multipliedReportingOverflow(by: UInt64(pageSize.bytes))
            guard !overflow, start < file.count, let addresses = map.addresses(of: run) else { continue }
            if end < start { try check(end..<start, of: file, path()) }
            let count = min(file.count - start, addresses.upperBound.rawValue - addresses.lowerBound.rawValue)
            try destination.put(start..<start + count, of: file, at: addresses.lowerBound)
            end = max(end, start + count)
        }
        if end < file.count { try check(end..<file.count, of: file, path()) }
    }

    /// Checks that bytes without a folio are zero.
    private func check(
        _ hole: Range<UInt64>, of file: MappedFile, _ path: @autoclosure () -> String
    ) throws(WriteError) {
        for data in file.data(in: hole) {
            for start in stride(from: data.lowerBound, to: data.upperBound, by: 1 << 20) {
                let count = min(data.upperBound - start, 1 << 20)
                let first = try rethrow(
                    file.withBytes(at: start, count: Int(count)) { $0.firstNonzeroByte }, as: WriteError.file)
                if let first { throw .hole(path(), page: (start + UInt64(first)) >> UInt64(pageSize.shift)) }
                file.release(at: start, count: count)
            }
        }
    }

    /// Writes a page of a file. A page of zeros takes no space, and may be in a hole.
    private mutating func write(
        _ bytes: [UInt8], page: UInt64, _ map: ContentsMap, _ path: @autoclosure () -> String
    ) throws(WriteError) {
        guard bytes.contains(where: { $0 != 0 }) else { return }
        guard let address = map.address(ofPage: page) else { throw .hole(path(), page: page) }
        try destination.put(bytes.count, at: address) { $0 = bytes }
    }
}
