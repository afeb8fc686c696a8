import KernelABI

/// A memory image in the format of LiME, a module for memory forensics: ranges, each with a header that contains its
/// first and last address.
enum LiMEDump {
    static func looksLikeOne(_ bytes: RawSpan) -> Bool { Header(bytes) != nil }

    /// Reads the ranges of the file.
    ///
    /// - Returns: The memory, and the reason why the rest of the file is not part of it; `nil` if all of it is.
    static func read(_ file: MappedFile) -> (memory: FileSegments, fault: String?) {
        let size = UInt64(LiMEHeaderLayout.layout.structure.size)
        var segments: [FileSegments.Segment] = []
        var fault: String?
        var position: UInt64 = 0
        while position < file.count {
            let found = try? file.withBytes(at: position, count: Int(min(size, file.count - position))) { Header($0) }
            guard let header = found ?? nil else {
                fault = "no range header at offset \(position)"
                break
            }
            position += size
            let count = header.last.rawValue - header.start.rawValue + 1
            let present = min(count, file.count - position)
            if present < count { fault = "truncated: \(file.count) of \(position.addingSaturating(count)) bytes" }
            segments.append(
                FileSegments.Segment(
                    range: header.start..<PhysicalAddress(header.start.rawValue + present), offset: position))
            position += present
        }
        return (FileSegments(segments, of: file), fault)
    }

    /// The header of a range.
    private struct Header {
        let start: PhysicalAddress
        let last: PhysicalAddress

        /// `nil` if there are too few bytes, or they are not such a header.
        init?(_ bytes: RawSpan) {
            let layout = LiMEHeaderLayout.layout
            guard layout.structure.fits(in: bytes), layout.magic.read(bytes) == LiMEHeaderLayout.magicNumber,
                layout.version.read(bytes) == LiMEHeaderLayout.currentVersion
            else { return nil }
            start = layout.start.read(bytes)
            last = layout.last.read(bytes)
            guard start <= last, last < PhysicalAddress(.max) else { return nil }
        }
    }
}
