import KernelABI

/// The number of holders of an FLB, with the arithmetic of the kernel's counter.
struct ReferenceCount: Sendable {
    private(set) var value: Int64 = 0
    private let counter: FLBLifecycle.Counter

    /// `REFCOUNT_SATURATED`.
    static let saturated = Int64(Int32.min / 2)

    init(_ counter: FLBLifecycle.Counter) {
        self.counter = counter
    }

    /// The count as stored in a record; `nil` if there should be no record. Mirrors `luo_flb_serialize`, which converts
    /// the `unsigned int` from `refcount_read` to a `long`: a saturated count becomes 3221225472, not a negative
    /// number.
    var recorded: UInt64? {
        switch counter {
        case .number: value > 0 ? UInt64(value) : nil
        case .saturating: value != 0 ? UInt64(UInt32(truncatingIfNeeded: value)) : nil
        }
    }

    /// Loads a count from a record. Mirrors `refcount_set`.
    mutating func set(_ count: UInt64) {
        switch counter {
        case .number: value = Int64(bitPattern: count)
        case .saturating: value = Int64(Int32(truncatingIfNeeded: count))
        }
    }

    /// Counts one more holder of an FLB, and reports it. Mirrors `refcount_inc`.
    mutating func increment(of flb: FLBInstance, _ direction: Event.Direction) {
        let before = value
        switch counter {
        case .number: value &+= 1
        case .saturating where value == 0: saturate("addition on 0; use-after-free", flb.log)
        case .saturating where value < 0 || value == Int64(Int32.max): saturate("saturated; leaking memory", flb.log)
        case .saturating: value += 1
        }
        flb.report(direction, from: before, to: value)
    }

    /// Counts a holder of an FLB off, and reports it. Mirrors `refcount_dec_and_test`.
    ///
    /// - Returns: Whether that was the last reference.
    mutating func decrement(of flb: FLBInstance, _ direction: Event.Direction) -> Bool {
        let before = value
        switch counter {
        case .number: value &-= 1
        case .saturating where value <= 0: saturate("underflow; use-after-free", flb.log)
        case .saturating: value -= 1
        }
        flb.report(direction, from: before, to: value)
        return value == 0
    }

    /// Mirrors `refcount_warn_saturate`.
    private mutating func saturate(_ problem: String, _ log: KernelLog) {
        value = Self.saturated
        log.warnOnce("refcount_t: \(problem).")
    }
}
