/// How a kernel runs the lifecycle of handlers, file-lifecycle-bound objects (FLBs) and sessions, as far as kernels
/// differ.
///
/// A ``Generation`` is not enough to tell kernels apart, as stable releases backport changes that do not affect the
/// ABI.
public struct FLBLifecycle: Hashable, Sendable {
    /// The first release that has it; for a commit between two releases, the earlier release and the commit.
    public let name: String
    /// How registration and open sessions exclude each other.
    public let registration: Registration
    /// What unregistering returns.
    public let unregistration: Unregistration
    /// How long a handler's module is pinned.
    public let handlerOwner: OwnerHold
    /// How long an FLB's module is pinned.
    public let flbOwner: OwnerHold
    /// What `liveupdate_flb_get_outgoing` does with the count.
    public let outgoingAccess: Access
    /// What `liveupdate_flb_get_incoming` does with the count.
    public let incomingAccess: Access
    /// What happens after `retrieve` has failed.
    public let failedRetrieve: FailedRetrieve
    /// The type of the counter of an FLB's holders.
    public let counter: Counter
    /// What happens to a session with a file that has no handler.
    public let failedDeserialization: FailedDeserialization
    /// How handlers identify a file.
    public let fileIdentity: Identity
    /// Whether the kernel rejects with `EINVAL` a session name that is empty or too long, and operations meant for
    /// sessions of the other direction. Without these checks, an incoming session can preserve files, and an outgoing
    /// one can finish them.
    public let checksSessions: Bool
    /// How much the locks for incoming state cover, and so where another thread can interleave.
    public let incomingLocks: Locks

    public enum Registration: Hashable, Sendable {
        /// `luo_session_quiesce`: `EBUSY` while any session exists.
        case quiescent
        /// `luo_register_rwlock`, which is read-locked while FLB operations run: registering from one of them
        /// deadlocks.
        case locked
    }

    public enum Unregistration: Hashable, Sendable {
        /// An error: `ENOENT` if the two are not linked, `EBUSY` for a handler that has FLBs.
        case reported
        /// Nothing; a handler's FLBs are unregistered with it.
        case silent
    }

    /// How long `try_module_get` pins a module.
    public enum OwnerHold: Hashable, Sendable {
        /// From registration on; registering fails with `EAGAIN` if the module is going away.
        case whileRegistered
        /// While there are files of the handler, or while the FLB's object is live; fails with `ENOENT`, for an FLB
        /// `ENODEV`, if the module is going away.
        case whileUsed
    }

    /// Whether the caller of `liveupdate_flb_get_…` holds a reference to the live object.
    public enum Access: Hashable, Sendable {
        /// The object is borrowed: it may go away with its files, and there is nothing to put. If there is no outgoing
        /// object, the result is 0 and `NULL`.
        case lent
        /// The caller gets a reference, which it must put (`liveupdate_flb_put_…`). If there is no outgoing object, the
        /// result is `ENOENT`.
        case counted
    }

    public enum FailedRetrieve: Hashable, Sendable {
        /// The kernel tries again for the next caller.
        case triedAgain
        /// The error is kept and returned to all callers.
        case remembered
    }

    public enum Counter: Hashable, Sendable {
        /// A `long`: can go below zero without a warning.
        case number
        /// A `refcount_t`: warns once, and stays at `REFCOUNT_SATURATED`.
        case saturating
    }

    public enum FailedDeserialization: Hashable, Sendable {
        /// The session has the files before the failed one, and `/dev/liveupdate` can be opened.
        case ignored
        /// Opening `/dev/liveupdate` fails with `EIO`. The handlers of the files before the failed one stay pinned.
        case refused
        /// Opening `/dev/liveupdate` fails with `EIO`, and no handler stays pinned.
        case undone
    }

    public enum Locks: Hashable, Sendable {
        /// `luo_flb_file_finish_one` counts, retrieves and finishes with the lock dropped in between;
        /// `liveupdate_flb_get_incoming` retrieves under the lock and looks up the object after taking it again;
        /// `luo_session_retrieve` uses a session after unlocking the list, when another thread may have freed it.
        case pieces
        /// `incoming.lock` of an FLB, or that of the list of sessions, is held throughout.
        case whole
    }

    public enum Identity: Hashable, Sendable {
        /// By `struct file`: an inode can be preserved once for each time it was opened.
        case file
        /// By inode (`get_id`).
        case inode
    }

    /// All lifecycles, oldest first.
    public static let all: [FLBLifecycle] = [.v6_19, .v6_19_13, .v7_0, .v7_0_118c3908, .v7_1, .v7_1_8, .v7_2]
}

extension FLBLifecycle {
    /// The lifecycle of a kernel release such as `7.3`, `7.1.13-amd64` or `7.0-118c3908`; `nil` if the release has
    /// none.
    public init?(release: String) {
        guard let wanted = Release(release),
            let lifecycle = Self.all.first(where: { $0.name == release })
                ?? Self.all.last(where: { !$0.name.contains("-") && Release($0.name) ?? wanted <= wanted })
        else { return nil }
        self = lifecycle
    }
}

extension FLBLifecycle {
    /// 6.19: sessions and handlers, but no FLBs yet.
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

    /// 7.0 (mainline cab056f2): adds FLBs.
    public static let v7_0 = FLBLifecycle(
        name: "7.0", registration: .quiescent, unregistration: .reported,
        handlerOwner: .whileRegistered, flbOwner: .whileRegistered,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .refused, fileIdentity: .file, checksSessions: false, incomingLocks: .pieces)

    /// Mainline 118c3908, between 7.0 and 7.1: sessions are no longer quiesced.
    public static let v7_0_118c3908 = FLBLifecycle(
        name: "7.0-118c3908", registration: .locked, unregistration: .reported,
        handlerOwner: .whileRegistered, flbOwner: .whileUsed,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .ignored, fileIdentity: .file, checksSessions: false, incomingLocks: .pieces)

    /// 7.1, as of 7.1.3: unregistering returns nothing, and handler modules are pinned while they have files.
    public static let v7_1 = FLBLifecycle(
        name: "7.1", registration: .locked, unregistration: .silent,
        handlerOwner: .whileUsed, flbOwner: .whileUsed,
        outgoingAccess: .lent, incomingAccess: .lent, failedRetrieve: .triedAgain, counter: .number,
        failedDeserialization: .refused, fileIdentity: .inode, checksSessions: false, incomingLocks: .pieces)

    /// 7.1 with backports from 7.2, as of 7.1.8 to 7.1.13: counts saturate, and getting an incoming object takes a
    /// reference.
    public static let v7_1_8 = FLBLifecycle(
        name: "7.1.8", registration: .locked, unregistration: .silent,
        handlerOwner: .whileUsed, flbOwner: .whileUsed,
        outgoingAccess: .lent, incomingAccess: .counted, failedRetrieve: .triedAgain, counter: .saturating,
        failedDeserialization: .refused, fileIdentity: .inode, checksSessions: true, incomingLocks: .whole)

    /// 7.2: getting an outgoing object takes a reference, and a failed `retrieve` is remembered.
    public static let v7_2 = FLBLifecycle(
        name: "7.2", registration: .locked, unregistration: .silent,
        handlerOwner: .whileUsed, flbOwner: .whileUsed,
        outgoingAccess: .counted, incomingAccess: .counted, failedRetrieve: .remembered, counter: .saturating,
        failedDeserialization: .undone, fileIdentity: .inode, checksSessions: true, incomingLocks: .whole)
}
