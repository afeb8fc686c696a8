import Handover
import KernelABI
import SystemPackage

/// A booted kernel, as far as live update is concerned: handlers, FLBs, sessions, memory.
///
/// A kernel lives until ``kexec()``, which returns what the next one boots from:
///
///     let old = Kernel(configuration)
///     …
///     let new = Kernel(configuration, handedOver: try old.kexec())
///
/// Methods are thread-safe, and wait for each other as in the kernel: those of a session for its lock, those of an FLB
/// for the lock of its direction, registrations for a reader/writer lock that is read-locked while operations of FLBs
/// run. A call that a kernel would not survive throws `Errno.crashed` or `Errno.deadlocked`, and ends the kernel.
public final class Kernel: Sendable {
    public let configuration: KernelConfiguration
    /// The simulated physical memory.
    public let memory: KHOMemory
    /// The outcome of booting.
    public let outcome: BootOutcome
    /// The number of live updates so far: 0 if nothing was handed over.
    public let liveUpdateNumber: UInt64

    let adoption: Adoption
    let limits: Limits
    let registry: Registry
    let sessions: SessionLists
    let log: KernelLog
    let preservedFiles = PreservedFiles()
    /// The incoming FLB records; `nil` if there is no incoming state.
    let flbRecords: FLBRecords?
    let device = DeviceState()
    private let isAlive: ReadWriteLocked<Bool>
    /// The reason why the kernel has ended, if it crashed or hangs.
    private let failure = Locked<Errno?>(nil)

    /// Boots a kernel.
    ///
    /// - Parameters:
    ///   - configuration: The release, the memory and the options of the kernel.
    ///   - handedOver: What the previous kernel left; `nil` at power-on.
    public init(_ configuration: KernelConfiguration, handedOver: HandedOver? = nil) {
        self.configuration = configuration
        let adoption = handedOver.map { Adoption(of: $0, by: configuration) } ?? .nothing
        self.adoption = adoption
        outcome = adoption.outcome
        if let handedOver, let preserved = adoption.state?.preserved {
            memory = KHOMemory(adopting: handedOver.memory, preserved: preserved, pageSize: configuration.pageSize)
        } else {
            memory = KHOMemory(pageSize: configuration.pageSize)
        }
        liveUpdateNumber = adoption.luo?.liveUpdateNumber ?? 0
        let hasFLBs = configuration.generation.luo?.flbs != nil
        flbRecords = adoption.luo.flatMap { luo in
            hasFLBs && luo.flbAddress?.rawValue ?? 0 != 0 ? FLBRecords(luo.flbs ?? []) : nil
        }
        limits = Limits(configuration.generation, configuration.pageSize)
        log = KernelLog(configuration.observer)
        sessions = SessionLists(limits)
        // Without a lifecycle, calls fail before they use the registry.
        registry = Registry(configuration.lifecycle ?? .v6_19, flbLimit: limits.flbs, sessions, log)
        if case .panicked = adoption.outcome {
            isAlive = ReadWriteLocked(false)
        } else {
            isAlive = ReadWriteLocked(true)
        }
        switch outcome {
        case .fresh(let reason): log.message("kernel \(configuration.release) boots afresh: \(reason)")
        case .adopted: log.message("kernel \(configuration.release) takes over; live update \(liveUpdateNumber)")
        case .lost(let reason): log.warn("KHO: disabling KHO revival: \(reason); all is lost")
        case .panicked(let reason): log.warn("kernel \(configuration.release) panics: \(reason)")
        }
    }

    /// Runs `body` while preventing the kernel from handing over.
    ///
    /// - Throws: `ESHUTDOWN` if it already has, or has panicked.
    func whileAlive<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        try isAlive.read { isAlive throws(Errno) in
            guard isAlive, failure.withLock({ $0 == nil }) else { throw .kernelGone }
            let result: Result
            do throws(Errno) {
                result = try body()
            } catch {
                fail(error)
                throw error
            }
            // An operation that cannot fail may have made a call that does not return.
            if let failure = failure.withLock({ $0 }) { throw failure }
            return result
        }
    }

    /// Ends the kernel if the error is one after which no call returns.
    func fail(_ error: Errno) {
        if error == .crashed || error == .deadlocked { failure.withLock { $0 = $0 ?? error } }
    }

    /// Runs `body` exclusively; ends the kernel if it succeeds.
    func ending<Result>(_ body: () throws(KexecError) -> Result) throws(KexecError) -> Result {
        try isAlive.write { isAlive throws(KexecError) in
            guard isAlive, failure.withLock({ $0 == nil }) else { throw .refused(.kernelGone) }
            let result = try body()
            isAlive = false
            return result
        }
    }

    /// Whether the kernel is still running: it has not handed over, panicked or crashed.
    public var isRunning: Bool { isAlive.read { $0 } && failure.withLock { $0 == nil } }

    // MARK: Handlers

    /// Registers a file handler. Mirrors `liveupdate_register_file_handler`.
    ///
    /// - Throws: `EOPNOTSUPP` if live update is off, `EINVAL` if a mandatory operation is missing, `EEXIST` if a
    ///   handler with this name is registered; up to 7.0, `EBUSY` while any session exists; before 7.1, `EAGAIN` if the
    ///   owner is going away.
    public func register(_ handler: FileHandler) throws(Errno) {
        try whileEnabled { _ throws(Errno) in try registry.register(handler) }
    }

    /// Unregisters a file handler, since 7.1 with all of its FLBs. Mirrors `liveupdate_unregister_file_handler`.
    ///
    /// Does not check for files of the handler; only their references to the owner prevent unregistering. Otherwise,
    /// the counts of their FLBs never drop.
    ///
    /// - Throws: Before 7.1, `EBUSY` if the handler has FLBs or was never registered; up to 7.0, also while any session
    ///   exists; `Errno.crashed` if it is not registered.
    public func unregister(_ handler: FileHandler) throws(Errno) {
        try whileEnabled { _ throws(Errno) in try registry.unregister(handler) }
    }

    // MARK: FLBs

    /// Makes the files of a handler depend on an FLB. Mirrors `liveupdate_register_flb`.
    ///
    /// Files that are already preserved do not depend on it, but are removed from its count, too: a count of 0 then
    /// becomes negative, and since 7.1 the FLB is never preserved again.
    ///
    /// - Throws: `EOPNOTSUPP` if live update is off or the kernel has no FLBs, `EINVAL` if an operation is missing,
    ///   `EEXIST` if the two are already linked or another FLB has this name, `ENOSPC` if there are `LUO_FLB_MAX`
    ///   others; in 7.0, `EBUSY` while any session exists and `EAGAIN` if the owner is going away; `Errno.crashed` if
    ///   the handler was never registered; `Errno.deadlocked` from an FLB's operation.
    public func register(_ flb: FLB, with handler: FileHandler) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in try registry.register(instance, with: handler) }
    }

    /// Undoes ``register(_:with:)``. Mirrors `liveupdate_unregister_flb`.
    ///
    /// Kernels after 7.0 allow this while the handler has files: the FLB is not handed over, and its object is lost.
    ///
    /// - Throws: Before 7.1, `ENOENT` if the two are not linked; in 7.0, `EBUSY` while any session exists;
    ///   `Errno.crashed` if the handler was never registered.
    public func unregister(_ flb: FLB, from handler: FileHandler) throws(Errno) {
        try whileEnabled { _ throws(Errno) in try registry.unregister(flb, from: handler) }
    }

    /// Returns the live object of a preserved FLB. Mirrors `liveupdate_flb_get_outgoing`.
    ///
    /// Since 7.2, the caller holds a reference until ``putOutgoing(_:)``; before, the object goes away with the last
    /// file.
    ///
    /// - Returns: Before 7.2, `nil` if there is no object.
    /// - Throws: Since 7.2, `ENOENT` if there is no object: no file is preserved, or `preserve` returned none.
    public func getOutgoing(_ flb: FLB) throws(Errno) -> LiveObject? {
        try withInstance(of: flb) { instance throws(Errno) in
            try instance.outgoing.write { outgoing throws(Errno) in try outgoing.get(instance) }
        }
    }

    /// Drops the reference from ``getOutgoing(_:)``. Mirrors `liveupdate_flb_put_outgoing`.
    ///
    /// - Throws: `ENOSYS` before 7.2, which has no such reference.
    public func putOutgoing(_ flb: FLB) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in
            guard configuration.lifecycle?.outgoingAccess == .counted else { throw .noFunction }
            try instance.putOutgoing()
        }
    }

    /// Returns the live object of an incoming FLB, retrieving it on first use. Mirrors `liveupdate_flb_get_incoming`.
    ///
    /// Since 7.1, the caller holds a reference until ``putIncoming(_:)``; before, the object goes away with the last
    /// file.
    ///
    /// - Throws: `ENODATA` if nothing was handed over or the object is finished; `ENOENT` if no record has this name;
    ///   `ENODEV` if the owner is going away; the error that `retrieve` throws, or, since 7.2, threw before.
    public func getIncoming(_ flb: FLB) throws(Errno) -> LiveObject? {
        try withInstance(of: flb) { instance throws(Errno) in
            try instance.getIncoming(flbRecords)
        }
    }

    /// Drops the reference from ``getIncoming(_:)``, which may finish the object. Mirrors
    /// `liveupdate_flb_put_incoming`.
    ///
    /// - Throws: `ENOSYS` before 7.1, which has no such reference.
    public func putIncoming(_ flb: FLB) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in
            guard configuration.lifecycle?.incomingAccess == .counted else { throw .noFunction }
            try instance.putIncoming(flbRecords)
        }
    }

    /// The number of files and other holders of an outgoing FLB, according to the kernel's counter.
    public func outgoingCount(of flb: FLB) -> Int64 {
        registry.known(flb)?.outgoing.current.count.value ?? 0
    }

    /// The number of files and other holders of an incoming FLB, according to the kernel's counter: 0 until it is
    /// loaded.
    public func incomingCount(of flb: FLB) -> Int64 {
        registry.known(flb)?.incoming.current.count.value ?? 0
    }

    private func withInstance<Result>(
        of flb: FLB, _ body: (FLBInstance) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try whileEnabled { rules throws(Errno) in
            guard configuration.generation.luo?.flbs != nil else { throw .notSupported }
            guard let operations = flb.operations.complete else {
                log.warn("luo_flb.c: \(flb.compatible) lacks an operation")
                throw .invalidArgument
            }
            return try body(
                registry.instance(of: flb) {
                    FLBInstance(
                        flb, operations, rules, asDocumented: configuration.isAsDocumented, memory: memory, log: log)
                })
        }
    }

    /// Runs `body` while preventing the kernel from handing over; throws if live update is off.
    private func whileEnabled<Result>(_ body: (FLBLifecycle) throws(Errno) -> Result) throws(Errno) -> Result {
        try whileAlive { () throws(Errno) in
            guard let rules = enabledLifecycle else { throw .notSupported }
            return try body(rules)
        }
    }

    /// How the kernel handles handlers, FLBs and sessions; `nil` if it has no live update, or live update is off.
    var enabledLifecycle: FLBLifecycle? { configuration.isLiveUpdateEnabled ? configuration.lifecycle : nil }

    var hasLiveUpdate: Bool { enabledLifecycle != nil }
}
