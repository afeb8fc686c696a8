/// How kernels of a generation run the lifecycle of file-lifecycle-bound objects, where they differ.
///
/// What all kernels with such objects do alike is not here: it is the lifecycle itself.
public struct FLBLifecycle: Hashable, Sendable {
    /// What `liveupdate_flb_get_outgoing` does with the count.
    public let outgoingAccess: Access
    /// What `liveupdate_flb_get_incoming` does with the count.
    public let incomingAccess: Access
    /// What becomes of a `retrieve` that has failed.
    public let failedRetrieve: FailedRetrieve
    /// What a count does that is taken below zero.
    public let counter: Counter

    /// Whether who asks for the live object holds it.
    public enum Access: Hashable, Sendable {
        /// The object is lent: it can go away as soon as its files do, and there is nothing to give back.
        case lent
        /// The caller has a reference of its own, which it gives back (`liveupdate_flb_put_…`).
        case counted
    }

    public enum FailedRetrieve: Hashable, Sendable {
        /// The next one who asks makes the kernel try again.
        case triedAgain
        /// The error is kept, and returned to all who ask.
        case remembered
    }

    public enum Counter: Hashable, Sendable {
        /// A `long`: goes on below zero.
        case number
        /// A `refcount_t`: warns, and stays at `REFCOUNT_SATURATED` from then on.
        case saturating
    }

    public init(outgoingAccess: Access, incomingAccess: Access, failedRetrieve: FailedRetrieve, counter: Counter) {
        self.outgoingAccess = outgoingAccess
        self.incomingAccess = incomingAccess
        self.failedRetrieve = failedRetrieve
        self.counter = counter
    }
}
