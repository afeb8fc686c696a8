import KernelABI

/// Which kernel handed over, and how often that has happened.
public struct KexecMetadataState: Hashable, Sendable {
    public var version: UInt32 = KexecMetadataLayout.currentVersion
    public var previousRelease: KernelString?
    public var kexecCount: UInt32?

    public init() {}
}

extension KexecMetadataState: DocumentObject {
    package static let form = ObjectForm<KexecMetadataState>(
        "kexecMetadata", "which kernel handed over",
        [
            .always("version", \.version, "the version of the structure"),
            .ifKnown("previous_release", \.previousRelease, "the release of that kernel"),
            .ifKnown("kexec_count", \.kexecCount, "how many handovers there have been"),
        ])
}

extension HandoverState {
    /// Which kernel handed over, and how often that has happened.
    public var kexecMetadata: KexecMetadataState? {
        get { self[KexecMetadataState.self] }
        set { self[KexecMetadataState.self] = newValue }
    }
}
