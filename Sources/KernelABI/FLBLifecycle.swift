/// How a kernel runs the lifecycle of handlers, file-lifecycle-bound objects (FLBs) and sessions: where kernels differ.
///
/// What all kernels do alike is not here: it is the lifecycle itself. A ``Generation`` is not enough to tell kernels
/// apart, as stable releases take over changes that leave the ABI alone.
public struct FLBLifecycle: Hashable, Sendable {
    /// The first release that has it; for a commit between two releases, the release before it and the commit.
    public let name: String
    /// What holds registrations and open sessions apart.
    public let registration: Registration
    /// What unregistering returns.
    public let unregistration: Unregistration
    /// For how long the module of a handler is held.
    public let handlerOwner: OwnerHold
    /// For how long the module of an FLB is held.
    public let flbOwner: OwnerHold
    /// What `liveupdate_flb_get_outgoing` does with the count.
    public let outgoingAccess: Access
    /// What `liveupdate_flb_get_incoming` does with the count.
    public let incomingAccess: Access
    /// What becomes of a `retrieve` that has failed.
    public let failedRetrieve: FailedRetrieve
    /// What counts the holders of an FLB.
    public let counter: Counter
    /// What becomes of a session with a file that has no handler.
    public let failedDeserialization: FailedDeserialization
    /// By what handlers know a file.
    public let fileIdentity: Identity
    /// Whether `EINVAL` meets a session's name that is empty or too long, and what is for sessions of the other
    /// direction. Without these checks an incoming session preserves files, and an outgoing one finishes them.
    public let checksSessions: Bool
    /// How far the locks of what came in reach: where another can come in between.
    public let incomingLocks: Locks

    public enum Registration: Hashable, Sendable {
        /// `luo_session_quiesce`: `EBUSY` while there is any session.
        case quiescent
        /// `luo_register_rwlock`, which is held for reading while the operations of FLBs run: to register from one of
        /// them deadlocks.
        case locked
    }

    public enum Unregistration: Hashable, Sendable {
        /// An error: `ENOENT` if the two are not linked, `EBUSY` for a handler that has FLBs.
        case reported
        /// Nothing; a handler's FLBs go with it.
        case silent
    }

    /// For how long a module is held by `try_module_get`.
    public enum OwnerHold: Hashable, Sendable {
        /// From registration on; `EAGAIN` if it is going.
        case whileRegistered
        /// While there are files of the handler, or the FLB's object is live; `ENOENT`, for an FLB `ENODEV`, if it is
        /// going.
        case whileUsed
    }

    /// Whether the caller of `liveupdate_flb_get_…` holds the live object.
    public enum Access: Hashable, Sendable {
        /// The object is lent: it can go away as soon as its files do, and there is nothing to give back. If there is
        /// none on its way out, the result is 0 and `NULL`.
        case lent
        /// The caller has a reference of its own, which it gives back (`liveupdate_flb_put_…`). If there is no object
        /// on its way out, the result is `ENOENT`.
        case counted
    }

    public enum FailedRetrieve: Hashable, Sendable {
        /// The next caller makes the kernel try again.
        case triedAgain
        /// The error is kept, and returned to all callers.
        case remembered
    }

    public enum Counter: Hashable, Sendable {
        /// A `long`: can go below zero, without a warning.
        case number
        /// A `refcount_t`: warns once, and stays at `REFCOUNT_SATURATED` from then on.
        case saturating
    }

    public enum FailedDeserialization: Hashable, Sendable {
        /// The session has the files before the one that failed, and `/dev/liveupdate` opens.
        case ignored
        /// Opening `/dev/liveupdate` fails with `EIO`. The handlers of the files before the one that failed are held
        /// for good.
        case refused
        /// Opening `/dev/liveupdate` fails with `EIO`, and no handler is held.
        case undone
    }

    public enum Locks: Hashable, Sendable {
        /// `luo_flb_file_finish_one` counts, retrieves and finishes under a lock each, `liveupdate_flb_get_incoming`
        /// retrieves under one and looks for the object under the next, and `luo_session_retrieve` goes on with a
        /// session that it has found when the list is no longer locked, and another may have freed it.
        case pieces
        /// `incoming.lock` of an FLB, or the list of sessions, is locked all the while.
        case whole
    }

    public enum Identity: Hashable, Sendable {
        /// By `struct file`: one inode can be preserved once for each time that it was opened.
        case file
        /// By inode (`get_id`).
        case inode
    }

    /// All lifecycles, oldest first.
    public static let all: [FLBLifecycle] = [.v6_19, .v6_19_13, .v7_0, .v7_0_118c3908, .v7_1, .v7_1_8, .v7_2]
}

extension FLBLifecycle {
    /// The lifecycle of a kernel release such as `7.3`, `7.1.13-amd64` or `7.0-118c3908`; `nil` before there was one.
    public init?(release: String) {
        guard let wanted = Release(release),
            let lifecycle = Self.all.first(where: { $0.name == release })
                ?? Self.all.last(where: { !$0.name.contains("-") && Release($0.name) ?? wanted <= wanted })
        else { return nil }
        self = lifecycle
    }
}

extension FLBLifecycle {
    /// 6.19: sessions and handlers; FLBs are yet to come.
    public static let v6_19 = FLBLifecycle(
        name: "6.19", registration: .quiescent, unregistration: .reported,
        handlerOwner: .whileRegistered, flbOwner: .whileRegistered,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .ignored, fileIdentity: .file, checksSessions: false, incomingLocks: .pieces)

    /// 6.19.13: a session that cannot be deserialized is an error.
    public static let v6_19_13 = FLBLifecycle(
        name: "6.19.13", registration: .quiescent, unregistration: .reported,
        handlerOwner: .whileRegistered, flbOwner: .whileRegistered,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .refused, fileIdentity: .file, checksSessions: false, incomingLocks: .pieces)

    /// 7.0 (mainline cab056f2): FLBs arrive.
    public static let v7_0 = FLBLifecycle(
        name: "7.0", registration: .quiescent, unregistration: .reported,
        handlerOwner: .whileRegistered, flbOwner: .whileRegistered,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .refused, fileIdentity: .file, checksSessions: false, incomingLocks: .pieces)

    /// Mainline 118c3908, on the way from 7.0 to 7.1: sessions are no longer quiesced.
    public static let v7_0_118c3908 = FLBLifecycle(
        name: "7.0-118c3908", registration: .locked, unregistration: .reported,
        handlerOwner: .whileRegistered, flbOwner: .whileUsed,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .ignored, fileIdentity: .file, checksSessions: false, incomingLocks: .pieces)

    /// 7.1, as of 7.1.3: unregistering returns nothing, and modules of handlers are held for files.
    public static let v7_1 = FLBLifecycle(
        name: "7.1", registration: .locked, unregistration: .silent,
        handlerOwner: .whileUsed, flbOwner: .whileUsed,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .refused, fileIdentity: .inode, checksSessions: false, incomingLocks: .pieces)

    /// 7.1 with what it took over from 7.2, as of 7.1.8 and up to 7.1.13: counts saturate, and who gets an incoming
    /// object holds it.
    public static let v7_1_8 = FLBLifecycle(
        name: "7.1.8", registration: .locked, unregistration: .silent,
        handlerOwner: .whileUsed, flbOwner: .whileUsed,
        outgoingAccess: .lent, incomingAccess: .counted, failedRetrieve: .triedAgain, counter: .saturating,
        failedDeserialization: .refused, fileIdentity: .inode, checksSessions: true, incomingLocks: .whole)

    /// 7.2: who gets an outgoing object holds it, and a failed `retrieve` is remembered.
    public static let v7_2 = FLBLifecycle(
        name: "7.2", registration: .locked, unregistration: .silent,
        handlerOwner: .whileUsed, flbOwner: .whileUsed,
        outgoingAccess: .counted, incomingAccess: .counted, failedRetrieve: .remembered, counter: .saturating,
        failedDeserialization: .undone, fileIdentity: .inode, checksSessions: true, incomingLocks: .whole)
}
