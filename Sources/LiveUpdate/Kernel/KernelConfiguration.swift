import KernelABI

/// Which kernel to boot, and how.
public struct KernelConfiguration: Sendable {
    /// The release, as in `uname -r`, which determines the generation.
    public let release: String
    public let generation: Generation
    /// How the release handles handlers, FLBs and sessions; `nil` if it has none.
    public let lifecycle: FLBLifecycle?
    public var pageSize = PageSize.kib4
    /// The kernel parameter `liveupdate=`.
    public var isLiveUpdateEnabled = true
    /// Whether FLBs are finished according to the kernel's documentation, rather than as kernels do it.
    ///
    /// According to the documentation, finishing the last file finishes the FLB, and an FLB that has not been retrieved
    /// by then is retrieved first. Kernels up to 7.3 load the count from the FLB's record only in `retrieve`. If the
    /// FLB is not retrieved before the files are finished, the count drops below zero and `finish` is never called;
    /// what the FLB preserved is lost until the next boot.
    public var isAsDocumented = false
    public var observer: Observer?

    /// The releases that change something, oldest first; a commit comes after the preceding release.
    public static let releases: [String] = {
        let names =
            Generation.allReleases + FLBLifecycle.all.map(\.name).filter { !Generation.allReleases.contains($0) }
        return names.sorted { left, right in
            guard let first = Release(left), let second = Release(right), first != second else {
                return left.count < right.count
            }
            return first < second
        }
    }()

    /// The error for an unknown release.
    public static func unknown(_ release: String) -> String {
        "unknown kernel \"\(release)\"; known kernels are \(releases.joined(separator: ", "))"
    }

    /// - Returns: `nil` if the release is unknown.
    public init?(release: String) {
        guard let generation = Generation(release: release) else { return nil }
        self.release = release
        self.generation = generation
        lifecycle = FLBLifecycle(release: release)
    }
}
