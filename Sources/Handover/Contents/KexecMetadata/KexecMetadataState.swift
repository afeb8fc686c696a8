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
            .always(
                "version", { $0.version }, { $0.version = $1 }, NumberCodec<UInt32>(), "the version of the structure"),
            .ifKnown(
                "previous_release", { $0.previousRelease }, { $0.previousRelease = $1 },
                KernelStringCodec(), "the release of that kernel"),
            .ifKnown(
                "kexec_count", { $0.kexecCount }, { $0.kexecCount = $1 },
                NumberCodec<UInt32>(), "how many handovers there have been"),
        ])
}

extension HandoverState {
    /// Which kernel handed over, and how often that has happened.
    public var kexecMetadata: KexecMetadataState? {
        get { self[KexecMetadataState.self] }
        set { self[KexecMetadataState.self] = newValue }
    }
}
