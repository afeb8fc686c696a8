/// Formats written by kernels of development series but by no released kernel, known only well enough to be identified.
public enum DevelopmentSeries {
    /// Identifies the `compatible` string of such a kernel; `nil` for any other.
    ///
    /// It consists of a base and its parts, such as `kho-v4;radix-v1;vmalloc-v1`.
    public static func describe(compatible: [UInt8]) -> String? {
        compatible.contains(UInt8(ascii: ";")) ? "a name with several parts: " + origin : nil
    }

    /// Identifies the beginning of a structure of such a kernel; `nil` for any other.
    public static func describe(structure bytes: RawSpan) -> String? {
        let header = FeatureHeaderLayout.layout
        guard header.structure.fits(in: bytes) else { return nil }
        let supported = header.supported.read(bytes)
        let isHeader =
            supported != 0 && header.required.read(bytes) & ~supported == 0
            && header.active.read(bytes) & ~supported == 0
            && (0..<header.reserved.count).allSatisfy { header.reserved.read($0, of: bytes) == 0 }
        return isHeader ? "a feature header: " + origin : nil
    }

    private static let origin = "written by a kernel of a development series"
}

/// The header of structures in a series that has features instead of versions.
struct FeatureHeaderLayout: KernelStructure {
    let supported: Field<UInt64>
    let required: Field<UInt64>
    let active: Field<UInt64>
    let reserved: ArrayField<UInt64>
    let structure: StructureDescription

    static let layout = FeatureHeaderLayout()

    private init() {
        var builder = StructureBuilder("liveupdate_features", "The features of a structure.")
        supported = builder.number("supported", UInt64.self, .flags([]), "The features that the writer supports.")
        required = builder.number("required", UInt64.self, .flags([]), "The features that a reader must support.")
        active = builder.number("active", UInt64.self, .flags([]), "The features that the structure uses.")
        reserved = builder.words("reserved", count: 13, .bitmap, "Zeros.")
        structure = builder.finish()
    }
}
