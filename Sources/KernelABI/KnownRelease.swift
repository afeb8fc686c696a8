/// What is known about a release, and how.
public struct KnownRelease: Hashable, Sendable {
    public let release: Release
    public let source: Source
    /// What was examined.
    public let details: String

    public enum Source: String, Hashable, Sendable {
        /// Images of the running kernel were examined.
        case seen = "seen on a kernel"
        /// Its source was read.
        case read = "read in its source"
        /// It follows from the releases before and after it.
        case inferred = "inferred"
        /// It is not released; this is what development trees have.
        case queued = "queued"
    }

    /// All known releases, oldest first.
    public static let all: [KnownRelease] = [
        KnownRelease(release: Release(6, 16), source: .inferred, details: "as 6.17.8"),
        KnownRelease(release: Release(6, 17, 8), source: .seen, details: "x86_64"),
        KnownRelease(release: Release(6, 17, 9), source: .inferred, details: "bitmaps of a page, as in 6.18"),
        KnownRelease(release: Release(6, 18, 5), source: .seen, details: "x86_64"),
        KnownRelease(release: Release(6, 19, 11), source: .seen, details: "x86_64"),
        KnownRelease(release: Release(7, 0), source: .read, details: "the commits that brought FLBs"),
        KnownRelease(release: Release(7, 1, 13), source: .seen, details: "x86_64"),
        KnownRelease(release: Release(7, 2, 13), source: .read, details: "kernel/liveupdate, mm/memfd_luo.c"),
        KnownRelease(release: Release(7, 3, 4), source: .seen, details: "x86_64; arm64 with pages of 4, 16 and 64 KiB"),
        KnownRelease(release: Release(7, 4), source: .queued, details: "liveupdate/next, September 2026"),
    ]
}
