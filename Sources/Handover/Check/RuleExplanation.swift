import KernelABI

/// More about a rule: the kernels for which it matters, and what to do.
public struct RuleExplanation: Hashable, Sendable {
    /// The kernels, in words: `6.19 to 7.1`, `7.2 and later`.
    public let kernels: String
    /// How to fix it.
    public let remedy: String
    /// The first and last of the kernels; `nil` if unbounded.
    private let first: Release?
    private let last: Release?

    init(kernels: String, from first: Release? = nil, to last: Release? = nil, _ remedy: String) {
        self.kernels = kernels
        self.first = first
        self.last = last
        self.remedy = remedy
    }

    /// Whether the rule matters for kernels of a generation.
    func isAbout(_ generation: Generation) -> Bool {
        guard let oldest = generation.releases.min(), let newest = generation.releases.max() else { return true }
        return first.map { $0 <= newest } ?? true && last.map { $0 >= oldest } ?? true
    }

    /// - Parameters:
    ///   - since: The first kernel release with what the rule is about.
    ///   - until: The last one; `nil` if the latest has it.
    init(_ since: String, to until: String? = nil, _ remedy: Remedy) {
        let text = until.map { $0 == since ? since : "\(since) to \($0)" } ?? "\(since) and later"
        self.init(kernels: text, from: Release(since), to: until.flatMap { Release($0) }, remedy.text)
    }
}

/// How to fix what a rule reports; remedies shared by many rules have names.
struct Remedy: ExpressibleByStringLiteral, Sendable {
    let text: String

    init(stringLiteral text: String) {
        self.text = text
    }

    static let sameGeneration: Self =
        "Boot a kernel of the generation that handed over, or let the older kernel hand over again."
    static let findWriter: Self = """
        Something overwrote the page after the kernel wrote it: compare with an earlier capture (diff), and find \
        out what else uses the page (dump --at ADDRESS, rule two-owners).
        """
    static let captureMore: Self = """
        Capture the memory at this address, too: a filtered dump omits it. If the capture is complete, the pointer \
        was overwritten: dump --at ADDRESS shows where it is stored.
        """
    static let loadHandlers: Self = """
        Boot a kernel that has the handler of each file: load its module, or enable it, before /dev/liveupdate is \
        opened. For an out-of-tree handler, use check --handler NAME.
        """
    static let uniqueNames: Self = "Give each its own name, shorter than its field, before it is preserved."
    static let preserveAll: Self = """
        The owner must preserve every page that it hands over, in the blocks that it allocated, and keep it \
        preserved until kexec.
        """
    static let findOwners: Self =
        "Two owners preserve one page: one of them has a stale pointer. dump --at ADDRESS names both."
    static let preserveAnew: Self = "Retrieve what is left, finish the session, and preserve the file again."
    static let nothing: Self = "Nothing needs to be done."
}
