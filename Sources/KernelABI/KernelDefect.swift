/// A known defect: behaviour of some releases that differs from the rest of their generation.
///
/// ``all`` is the whole table. Rules of `check` detect defects: either the rule with the defect's name, or those that
/// it ``explains``.
public struct KernelDefect: Sendable, Identifiable {
    public let name: String
    /// Whose release matters.
    public let side: Side
    public let releases: ReleaseSpan
    /// The symptom, in a sentence.
    public let symptom: String
    /// What shows the defect in a handover; `nil` if nothing does.
    public let evidence: String?
    /// The consequence, in a sentence.
    public let consequence: String
    /// The rules of `check` whose findings the defect explains.
    public var explains: Set<String> = []
    /// Whether the kernel continues where it should refuse, so that the verdict is milder than the rule's.
    public var goesOn = false

    public var id: String { name }

    public enum Side: String, Hashable, Sendable {
        /// The kernel that hands over.
        case writer
        /// The kernel that takes over.
        case receiver
    }
}

/// The releases that have a defect: from the first until the fix, in mainline and in stable series.
public struct ReleaseSpan: Hashable, Sendable {
    public let first: Release
    /// The first fixed release of mainline, and of each stable series that has the fix.
    public let mended: [Release]

    public init(from first: Release, mended: [Release] = []) {
        self.first = first
        self.mended = mended
    }

    /// Whether a release has the defect; `nil` for a series if only some of its releases do.
    public func contains(_ release: Release) -> Bool? {
        guard release.patch == nil, release.candidate == nil else { return has(release) }
        let last = has(Release(release.major, release.minor, .max))
        return has(Release(release.major, release.minor, 0)) == last ? last : nil
    }

    /// Whether the releases of a generation have the defect; `nil` if only some do.
    public func contains(_ generation: Generation) -> Bool? {
        let answers = Set(generation.releases.map { contains($0.patch == nil ? Release($0.major, $0.minor) : $0) })
        return answers.count == 1 ? answers.first ?? nil : nil
    }

    private func has(_ release: Release) -> Bool {
        release >= first
            && !mended.contains { release >= $0 && ($0.patch == nil || release.isInSeries(of: $0)) }
    }
}

extension ReleaseSpan: CustomStringConvertible {
    /// For example `6.19 and later, fixed in 6.19.13, 7.0`.
    public var description: String {
        "\(first) and later" + (mended.isEmpty ? "" : ", fixed in " + mended.map(\.description).joined(separator: ", "))
    }
}

extension KernelDefect {
    /// All known defects, by the release that introduced them.
    public static let all: [KernelDefect] = [
        KernelDefect(
            name: "metadata-in-scratch", side: .writer,
            releases: ReleaseSpan(from: Release(6, 16), mended: [Release(6, 17, 9), Release(6, 18)]),
            symptom: "bitmaps come from kzalloc, which with KFENCE can return memory in scratch",
            evidence: "a page of the map in a scratch area",
            consequence: "the next kernel overwrites the map before it reads it", explains: ["scratch"]),
        KernelDefect(
            name: "folio-order", side: .receiver,
            releases: ReleaseSpan(from: Release(6, 16), mended: [Release(7, 1)]),
            symptom: "blocks larger than MAX_PAGE_ORDER can be preserved",
            evidence: "a folio of a file in such a block",
            consequence: "the block cannot be restored, and the file cannot be retrieved"),
        KernelDefect(
            name: "numa-span", side: .receiver, releases: ReleaseSpan(from: Release(6, 16)),
            symptom: "a preserved block can span two NUMA nodes",
            evidence: nil, consequence: "the block cannot be restored"),
        KernelDefect(
            name: "reserve-mem-tail", side: .writer, releases: ReleaseSpan(from: Release(6, 16)),
            symptom: "a partial last page of a reserve_mem region is not preserved",
            evidence: "a region whose size is not a multiple of the page size",
            consequence: "the contents of that page are lost", explains: ["region-tail"]),
        KernelDefect(
            name: "debugfs-root-cut", side: .writer, releases: ReleaseSpan(from: Release(6, 19)),
            symptom: "debugfs fixes the size of kho/out/fdt when the first subtree is registered",
            evidence: nil, consequence: "the file is truncated: the root FDT is complete only in memory"),
        KernelDefect(
            name: "vmalloc-full-chunk", side: .receiver,
            releases: ReleaseSpan(from: Release(6, 18, candidate: 1), mended: [Release(6, 18)]),
            symptom: "a full chunk of page addresses has no terminator",
            evidence: "a full kho_vmalloc_chunk",
            consequence: "the kernel reads past the chunk"),
        KernelDefect(
            name: "dropped-file", side: .receiver,
            releases: ReleaseSpan(from: Release(6, 19), mended: [Release(6, 19, 13), Release(7, 0)]),
            symptom: "a file without a handler, or a bad list of files, is silently dropped",
            evidence: "such a file",
            consequence: "/dev/liveupdate opens, and the session lacks that file and all after it",
            explains: ["file-handler", "file-chain", "file-block-count", "file-count"], goesOn: true),
        KernelDefect(
            name: "memfd-written-late", side: .writer,
            releases: ReleaseSpan(from: Release(6, 19), mended: [Release(6, 19, 9), Release(7, 0)]),
            symptom: "folios are preserved without the flags for dirty and up to date",
            evidence: "folio flags other than 3",
            consequence: "pages written after the file was preserved, or never written, are lost"),
        KernelDefect(
            name: "panic-unasked", side: .receiver, releases: ReleaseSpan(from: Release(6, 19)),
            symptom: "LUO's state is read whenever KHO is on, even without liveupdate=on",
            evidence: "LUO state that does not match",
            consequence: "the kernel panics although LUO was not enabled",
            explains: ["luo-subtree", "luo-size", "luo-compatible", "luo-tree"]),
        KernelDefect(
            name: "large-block", side: .receiver,
            releases: ReleaseSpan(from: Release(7, 0), mended: [Release(7, 2, 13), Release(7, 3)]),
            symptom: "the size of a preserved block is computed in 32 bits",
            evidence: "a block of 2 GiB or more",
            consequence: "the kernel reserves another range, and gives the block's memory to others"),
        KernelDefect(
            name: "flb-never-finished", side: .receiver, releases: ReleaseSpan(from: Release(7, 0)),
            symptom: "an FLB's count is loaded when it is retrieved, and only then",
            evidence: nil,
            consequence: "if its files are finished before, the count goes below zero, and finish is never called"),
        KernelDefect(
            name: "radix-depth", side: .receiver,
            releases: ReleaseSpan(from: Release(7, 1, candidate: 1), mended: [Release(7, 1, candidate: 6)]),
            symptom: "with pages of 16 KiB the radix tree has one level too few",
            evidence: "a radix tree of 16 KiB pages",
            consequence: "the kernel reads tables of one level as tables of the next"),
        KernelDefect(
            name: "debugfs-luo-freed", side: .receiver, releases: ReleaseSpan(from: Release(7, 2)),
            symptom: "the kernel frees the page of luo_ser while it boots, but debugfs still shows it",
            evidence: nil, consequence: "kho/in/sub_fdts/LUO is whatever the page is used for now"),
        KernelDefect(
            name: "empty-block", side: .writer, releases: ReleaseSpan(from: Release(7, 2)),
            symptom: "refusing a name when the last block is full leaves an empty block",
            evidence: "a block of sessions without a session", consequence: "the next kernel panics"),
        KernelDefect(
            name: "session-name-cut", side: .receiver, releases: ReleaseSpan(from: Release(7, 2)),
            symptom: "a name without a NUL is truncated when copied", evidence: "a session name without a NUL",
            consequence: "the session has a name of 63 bytes", explains: ["session-name"]),
        KernelDefect(
            name: "vmalloc-flags", side: .receiver, releases: ReleaseSpan(from: Release(6, 18)),
            symptom: "unknown flags of a kho_vmalloc are masked out",
            evidence: "flags other than 1 and 2", consequence: "the area is restored anyway",
            explains: ["memfd-flags"]),
    ]
}
