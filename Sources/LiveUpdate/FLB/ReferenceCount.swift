import KernelABI

/// How many hold an FLB, counted as the kernel counts.
struct ReferenceCount: Sendable {
    private(set) var value: Int64 = 0
    let counter: FLBLifecycle.Counter

    /// `REFCOUNT_SATURATED`.
    static let saturated = Int64(Int32.min / 2)

    init(_ counter: FLBLifecycle.Counter) {
        self.counter = counter
    }

    /// Loads a count from a record.
    mutating func set(_ count: UInt64) {
        switch counter {
        case .number: value = Int64(bitPattern: count)
        case .saturating: value = Int64(Int32(truncatingIfNeeded: count))
        }
    }

    mutating func increment() {
        guard counter == .number || value >= 0 else { return }
        value &+= 1
    }

    /// What came of counting down.
    enum Decrement {
        case held
        case last
        /// There was nothing to count.
        case underflow
    }

    mutating func decrement() -> Decrement {
        guard value > 0 else {
            switch counter {
            case .number: value &-= 1
            case .saturating: value = Self.saturated
            }
            return .underflow
        }
        value -= 1
        return value == 0 ? .last : .held
    }
}
