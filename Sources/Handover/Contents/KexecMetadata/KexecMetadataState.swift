import KernelABI

/// The release of the previous kernel, and the number of handovers so far.
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
            .ifKnown("previous_release", \.previousRelease, "the release of that kernel")
                .compared(apart: "previous release"),
            .ifKnown("kexec_count", \.kexecCount, "the number of handovers so far")
                .compared(apart: "number of kexecs"),
        ])
}

extension HandoverState {
    /// The release of the previous kernel, and the number of handovers so far.
    public var kexecMetadata: KexecMetadataState? {
        get { self[KexecMetadataState.self] }
        set { self[KexecMetadataState.self] = newValue }
    }
}
