/// A range of bytes and its meaning.
///
/// The annotations of some bytes are contiguous and cover each byte once.
struct Annotation {
    /// Offsets; empty for a further bit field of bytes already shown.
    var range: Range<Int>
    /// The structure and field: `luo_session_ser[0].name`.
    var field: String
    var value = ""
    var kind = Kind.bytes

    enum Kind: Hashable {
        /// Shows all bytes.
        case bytes
        /// All bytes have this value; shows only their number.
        case filler(UInt8)
        /// Bytes without a structure, shown with their characters.
        case dump
    }
}

/// Takes annotations, in the order of the bytes.
typealias AnnotationTaker = (Annotation) -> Void
