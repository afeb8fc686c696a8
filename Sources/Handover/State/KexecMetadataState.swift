import KernelABI

/// Which kernel handed over, and how often that has happened.
public struct KexecMetadataState: Hashable, Sendable {
    public var version: UInt32 = KexecMetadataLayout.currentVersion
    public var previousRelease: KernelString?
    public var kexecCount: UInt32?

    public init() {}
}

extension KexecMetadataState: DocumentObject {
    static let form = ObjectForm<KexecMetadataState>(
        "kexecMetadata", "which kernel handed over",
        [
            .always("version", \.version, NumberCodec<UInt32>(), "the version of the structure"),
            .ifKnown("previous_release", \.previousRelease, KernelStringCodec(), "the release of that kernel"),
            .ifKnown("kexec_count", \.kexecCount, NumberCodec<UInt32>(), "how many handovers there have been"),
        ])
}
