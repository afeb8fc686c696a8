/// A range of bytes and what they are.
///
/// The annotations of some bytes follow each other without gaps: together they are all of the bytes, once.
struct Annotation {
    /// Offsets; empty for a further bit field of bytes that have been shown.
    var range: Range<Int>
    /// The structure and field: `luo_session_ser[0].name`.
    var field: String
    var value = ""
    var kind = Kind.bytes

    enum Kind: Hashable {
        /// All bytes are shown.
        case bytes
        /// The bytes are all this one and are only counted.
        case filler(UInt8)
        /// Bytes without a structure, shown with their characters.
        case dump
    }
}

/// Takes annotations, in the order of the bytes.
typealias AnnotationTaker = (Annotation) -> Void
