import KernelABI

/// A dump as a stream of pieces, each with its offset in the dump: what `makedumpfile -F` writes to a pipe, and QEMU's
/// `dump-guest-memory` in the formats `kdump-zlib`, `kdump-lzo` and `kdump-snappy`.
enum FlattenedDump {
    /// `MDF_SIGNATURE`.
    private static let signature = Array("makedumpfile\0\0\0\0".utf8)
    /// `MAX_SIZE_MDF_HEADER`: the header is padded to this size.
    private static let headerSize: UInt64 = 4096

    static func isOne(_ file: MappedFile) -> Bool {
        (try? file.withBytes(at: 0, count: signature.count) { $0.isEqual(to: signature.span.bytes) }) ?? false
    }

    /// The dump in its ordinary form, with its pieces read in place. If pieces overlap, the last one wins.
    ///
    /// A truncated stream provides what it has.
    static func rearranged(_ file: MappedFile) -> MappedFile {
        let layout = FlattenedPieceLayout.layout
        let headerCount = layout.structure.size
        var pieces: [FileSegments.Segment] = []
        var count: UInt64 = 0
        var isWhole = false
        var position = headerSize
        var released: UInt64 = 0
        while position < file.count {
            let header = try? file.withBytes(at: position, count: headerCount) {
                (offset: layout.offset.read($0).byteSwapped, size: layout.size.read($0).byteSwapped)
            }
            guard let header else { break }
            position += UInt64(headerCount)
            // Negative numbers mark the end of the stream.
            if header.offset > UInt64(Int64.max) || header.size > UInt64(Int64.max) {
                isWhole = true
                break
            }
            let present = min(header.size, file.count - position)
            let end = header.offset + present
            pieces.append(
                FileSegments.Segment(range: PhysicalAddress(header.offset)..<PhysicalAddress(end), offset: position))
            count = max(count, end)
            position += present
            // The headers are all over the file: what was read for them is released.
            if position - released >= 4 << 20 {
                file.release(at: released, count: position - released)
                released = position
            }
        }
        // Bytes that are in no piece are zero.
        let zeros = FileSegments.Segment(range: PhysicalAddress(0)..<PhysicalAddress(count), offset: nil)
        let segments = FileSegments(pieces.reversed() + [zeros], of: file)
        return MappedFile(rearranging: file, as: segments, count: count, isCutShort: !isWhole)
    }
}
