/// What a kernel does with a handover, or with a part of it.
public enum Verdict: String, Hashable, Sendable, CaseIterable, Comparable {
    /// All of it is restored.
    case accepted
    /// The input does not show enough to tell; what it shows is accepted.
    case unknown
    /// Some of it cannot be retrieved; the rest can.
    case partly
    /// Opening `/dev/liveupdate` always fails with `EIO`: no session can be retrieved.
    case openFails = "open-fails"
    /// The kernel does not check, and uses the invalid data, with unpredictable consequences.
    case unchecked
    /// The kernel panics during boot.
    case panic
    /// The kernel boots as if nothing had been handed over; everything is lost.
    case ignored

    /// Orders verdicts from best to worst.
    public static func < (left: Self, right: Self) -> Bool {
        left.badness < right.badness
    }

    private var badness: Int {
        Self.allCases.firstIndex(of: self) ?? 0
    }
}

/// The stages in which a kernel restores a handover, in order.
public enum BootStage: String, Hashable, Sendable, CaseIterable, Comparable {
    /// The root FDT is checked: `kho_populate`.
    case root
    /// The preserved memory is reserved: `kho_memory_init`.
    case map
    /// Regions and LUO's state are read while the kernel initialises.
    case initialisation
    /// `/dev/liveupdate` is opened: sessions and files are listed.
    case open
    /// A file or an FLB is retrieved.
    case retrieval

    public static func < (left: Self, right: Self) -> Bool { left.place < right.place }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
