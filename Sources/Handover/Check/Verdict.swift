/// What a kernel does with a handover, or with a part of it.
public enum Verdict: String, Hashable, Sendable, CaseIterable, Comparable {
    /// All of it is taken over.
    case accepted
    /// The input does not show enough to tell; what it shows is taken over.
    case unknown
    /// Something in it cannot be retrieved; the rest can.
    case partly
    /// `/dev/liveupdate` gives `EIO`, for good: no session can be retrieved.
    case openFails = "open-fails"
    /// The kernel does not look: it goes on with what is wrong, whatever comes of it.
    case unchecked
    /// The boot ends.
    case panic
    /// The boot goes on as if nothing had been handed over, and all of it is lost.
    case ignored

    /// Orders verdicts from good to bad.
    public static func < (left: Self, right: Self) -> Bool {
        left.badness < right.badness
    }

    private var badness: Int {
        Self.allCases.firstIndex(of: self) ?? 0
    }
}

/// The stages in which a kernel takes a handover over, in their order.
public enum BootStage: String, Hashable, Sendable, CaseIterable, Comparable {
    /// The root FDT is looked at: `kho_populate`.
    case root
    /// The preserved memory is reserved: `kho_memory_init`.
    case map
    /// Regions and LUO's state are taken over while the kernel initialises.
    case initialisation
    /// Somebody opens `/dev/liveupdate`: sessions and files are listed.
    case open
    /// Somebody retrieves a file or an FLB.
    case retrieval

    public static func < (left: Self, right: Self) -> Bool { left.place < right.place }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
