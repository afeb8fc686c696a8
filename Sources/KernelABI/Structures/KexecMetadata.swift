/// `struct kho_kexec_metadata`: the release of the previous kernel, and the number of handovers so far.
public struct KexecMetadataLayout: KernelStructure {
    public let version: Field<UInt32>
    public let previousRelease: CharacterField
    public let kexecCount: Field<UInt32>
    public let structure: StructureDescription

    public static let layout = KexecMetadataLayout()

    /// `KHO_KEXEC_METADATA_VERSION`: the version that kernels write and accept.
    public static let currentVersion: UInt32 = 1

    private init() {
        var builder = StructureBuilder("kho_kexec_metadata", packed: true, "Which kernel handed over.")
        version = builder.number("version", UInt32.self, .number, "The version of this structure.")
        previousRelease = builder.characters("previous_release", count: 65, "The release of that kernel.")
        kexecCount = builder.number("kexec_count", UInt32.self, .count, "The number of handovers so far.")
        structure = builder.finish()
    }
}
