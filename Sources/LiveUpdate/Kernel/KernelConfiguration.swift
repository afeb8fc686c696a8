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
    /// retrieved by then is retrieved first. Kernels up to 7.3 load the count from the FLB's record in `retrieve`
    /// alone. If nobody retrieves before the files are finished, it is counted down from zero, and `finish` is never
    /// called. What the FLB preserved is lost until the next boot.
    public var isAsDocumented = false
    public var observer: Observer?

    /// The releases from which something is otherwise, oldest first; a commit comes behind the release before it.
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

    /// That there is no such release.
    public static func unknown(_ release: String) -> String {
        "no kernel \"\(release)\" is known here; known are \(releases.joined(separator: ", "))"
    }

    /// - Returns: `nil` for a release that is not known here.
    public init?(release: String) {
        guard let generation = Generation(release: release) else { return nil }
        self.release = release
        self.generation = generation
        lifecycle = FLBLifecycle(release: release)
    }
}
