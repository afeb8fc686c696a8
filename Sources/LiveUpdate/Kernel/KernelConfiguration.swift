import KernelABI

/// Which kernel is booted, and how.
public struct KernelConfiguration: Sendable {
    /// The release, as `uname -r` says: it names the generation.
    public let release: String
    public let generation: Generation
    public var pageSize = PageSize.kib4
    /// The kernel parameter `liveupdate=`.
    public var isLiveUpdateEnabled = true
    /// In what the kernel does otherwise than documented.
    public var quirks: Set<Quirk> = []
    public var observer: Observer?

    /// - Returns: `nil` for a release that is not known here.
    public init?(release: String) {
        guard let generation = Generation(release: release) else { return nil }
        self.release = release
        self.generation = generation
    }
}
