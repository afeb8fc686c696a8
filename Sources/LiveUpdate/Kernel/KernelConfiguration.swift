import KernelABI

/// Which kernel is booted, and how.
public struct KernelConfiguration: Sendable {
    /// The release, as `uname -r` says: it names the generation.
    public let release: String
    public let generation: Generation
    /// What the release does with handlers, FLBs and sessions; `nil` before there were any.
    public let lifecycle: FLBLifecycle?
    public var pageSize = PageSize.kib4
    /// The kernel parameter `liveupdate=`.
    public var isLiveUpdateEnabled = true
    /// Whether FLBs are finished as the kernel's documentation has it, and not as kernels do it.
    ///
    /// The documentation says that the last file to be finished finishes the FLB, and that an FLB which nobody has
    /// retrieved by then is retrieved first. Kernels up to 7.3 load the count from the FLB's record in `retrieve` alone.
    /// If nobody retrieves before the files are finished, it is counted down from zero, and `finish` is never called.
    /// What the FLB preserved is lost until the next boot.
    public var isAsDocumented = false
    public var observer: Observer?

    /// - Returns: `nil` for a release that is not known here.
    public init?(release: String) {
        guard let generation = Generation(release: release) else { return nil }
        self.release = release
        self.generation = generation
        lifecycle = FLBLifecycle(release: release)
    }
}
