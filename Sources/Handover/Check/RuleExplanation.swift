/// What there is to know of a rule beyond what it finds: for which kernels it matters, and what to do.
public struct RuleExplanation: Hashable, Sendable {
    /// The kernels in words: `6.19 to 7.1`, `7.2 and later`.
    public let kernels: String
    /// How to mend it.
    public let remedy: String

    init(kernels: String, _ remedy: String) {
        self.kernels = kernels
        self.remedy = remedy
    }

    /// - Parameters:
    ///   - since: the first kernel release that has what the rule is about.
    ///   - until: the last one; `nil` if the latest has it.
    fileprivate init(_ since: String, to until: String? = nil, _ remedy: String) {
        self.init(kernels: until.map { "\(since) to \($0)" } ?? "\(since) and later", remedy)
    }
}

extension CheckRule {
    /// For which kernels the rule matters, and what to do.
    public var explanation: RuleExplanation? { described ?? Self.explanations[name] }

    private static let explanations: [String: RuleExplanation] = {
        let other = "Boot a kernel of the generation that handed over, or have the older kernel hand over anew."
        let rewritten = """
            Something wrote to the page after the kernel had: compare with a capture taken earlier (diff), and look for \
            who else uses the page (dump --at ADDRESS, rule two-owners).
            """
        let incomplete = """
            Capture the memory at this address, too: a filtered dump leaves it out. If the capture is whole, the pointer \
            was overwritten: dump --at ADDRESS shows where it stands.
            """
        let handlers = """
            Boot a kernel that has the handler of each file: load its module, or enable it, before /dev/liveupdate is \
            opened. For a handler from outside of the kernel, tell check with --handler NAME.
            """
        let names = "Give each its own name, shorter than its field, before it is preserved."
        let preserve = """
            The owner must preserve every page that it hands over, in the blocks in which it allocated it, and keep it \
            preserved until kexec.
            """
        let owners = "Two owners preserve one page: one of them has a stale pointer. dump --at ADDRESS names both."
        let files = "Retrieve what there is, finish the session, and preserve the file anew."
        let none = "Nothing needs to be done."
        return [
            // The root, and the map.
            "root-header": .init("6.16", rewritten),
            "root-compatible": .init("6.16", other),
            "root-map": .init("6.16", rewritten),
            "root-damaged": .init(
                "6.16", "Say which root the kernel is told of: --fdt-pa ADDRESS, or the boot data, decides."),
            "root-structure": .init("6.16", rewritten),
            "subtree-duplicate": .init("6.16", "Register each subtree once, under a name of its own."),
            "map-pages": .init("6.16", incomplete),
            "map-bitmap": .init(
                "6.16", to: "7.0",
                "6.17.9 changed the size of a bitmap without a new version: boot a kernel from the same side of it."),
            "map-key": .init("7.1", rewritten),
            "map-block": .init("6.16", rewritten),
            "uncovered-page": .init("6.16", preserve),
            "scratch": .init(
                "6.16", "Preserve no memory in the scratch areas; keep them the same on both sides (kho_scratch=)."),
            "split-block": .init("6.16", preserve),
            "page-size": .init("6.16", "Boot a kernel of the page size of the one that handed over."),
            "radix-depth": .init(
                "7.1-rc1", to: "7.1-rc5", "Boot a kernel with a radix tree as deep as that of the one that handed over."),
            "structure-layout": .init("6.16", other),
            "large-block": .init("7.0", to: "7.2.12", "Preserve blocks of at most 1 GiB, or boot a later release."),
            "folio-order": .init("6.16", to: "7.0", preserve),
            "vmalloc-full-chunk": .init(
                "6.18-rc1", to: "6.18-rc", "Boot 6.18 or later, or preserve an area of another number of pages."),
            "empty-block": .init("7.2", "Keep a session in the last block: create one more, and keep it open until kexec."),
            "memfd-written-late": .init(
                "6.19", to: "6.19.8", "Hand over from a later release, or write to the file only before it is preserved."),
            // Other subtrees.
            "memblock-subtree": .init("6.16", rewritten),
            "memblock-compatible": .init("6.16", other),
            "memblock-structure": .init("6.16", rewritten),
            "memblock-region": .init(
                "6.16", "Give both kernels the same reserve_mem= parameters: name and size must agree."),
            "region-tail": .init("6.16", "Make the size of the region a multiple of the page size."),
            "kexec-metadata": .init("7.1", none),
            // LUO.
            "luo-absent": .init("6.19", "If sessions were meant to be handed over, boot with liveupdate=on."),
            "luo-misnamed": .init("6.19", other),
            "luo-unknown": .init("6.16", "Boot a kernel that has the Live Update Orchestrator: 6.19 or later."),
            "luo-subtree": .init("6.19", rewritten),
            "luo-damaged": .init("6.19", to: "7.1", rewritten),
            "luo-address": .init("6.19", incomplete),
            "luo-size": .init("7.2", rewritten),
            "luo-compatible": .init("6.19", other),
            "luo-tree": .init("6.19", to: "7.1", rewritten),
            "luo-number": .init("6.19", none),
            "session-chain": .init("7.2", rewritten),
            "session-block-count": .init("7.2", rewritten),
            "session-address": .init("6.19", incomplete),
            "session-count": .init("6.19", to: "7.1", rewritten),
            "session-duplicate": .init("6.19", names),
            "session-name": .init("6.19", names),
            // Files.
            "file-chain": .init("7.2", rewritten),
            "file-block-count": .init("7.2", rewritten),
            "file-address": .init("6.19", incomplete),
            "file-shared-chain": .init("6.19", owners),
            "file-handler": .init("6.19", handlers),
            "file-count": .init("7.2", rewritten),
            "file-array-count": .init("6.19", to: "7.1", rewritten),
            "file-set-lost": .init("6.19", rewritten),
            "file-token": .init("6.19", "Give each file of a session a token of its own when it is preserved."),
            // FLBs.
            "flb-absent": .init("7.0", rewritten),
            "flb-address": .init("7.0", incomplete),
            "flb-count": .init("7.0", rewritten),
            "flb-name": .init("7.0", names),
            "flb-cut-name": .init("7.0", names),
            "flb-duplicate": .init("7.0", names),
            "flb-file-count": .init("7.0", files),
            "flb-pages": .init("7.0", none),
            // Memfds.
            "memfd-shared": .init("6.19", owners),
            "memfd-address": .init("6.19", incomplete),
            "memfd-seals": .init("7.1", "Boot a kernel that knows the seal, or preserve the memfd without it."),
            "memfd-vmalloc": .init("6.19", rewritten),
            "memfd-folio-count": .init("6.19", rewritten),
            "memfd-folio": .init("6.19", preserve),
            "memfd-index": .init("6.19", rewritten),
            "memfd-flags": .init("6.19", none),
            "memfd-stale-folio": .init("6.19", "Write to, or read, every page of the memfd before it is preserved."),
            "memfd-position": .init("6.19", none),
            "memfd-size": .init("6.19", files),
            "shared-contents": .init("6.19", owners),
            // Whatever it belongs to.
            "two-owners": .init("6.16", owners),
            "dangling-pointer": .init("6.16", incomplete),
            "alignment": .init("6.16", rewritten),
            "slack": .init("6.16", none),
            "stale-root": .init("6.16", "Nothing needs to be done; --fdt-pa ADDRESS reads one of them."),
            "not-available": .init("6.16", incomplete),
            "damage": .init("6.16", rewritten),
        ]
    }()
}
