import Handover
import KernelABI
import SystemPackage

/// One booted kernel, as far as live update reaches: handlers, FLBs, sessions, memory.
///
/// A kernel lives until ``kexec()``, which gives what the next one boots from:
///
///     let old = Kernel(configuration)
///     …
///     let new = Kernel(configuration, handedOver: try old.kexec())
///
/// All calls may come from any thread, and wait for each other as in the kernel: those of a session for its lock,
/// those of an FLB for the lock of its direction, registrations for a reader/writer lock that is held for reading while
/// the operations of FLBs run. A call that a kernel would not survive gives `Errno.crashed` or `Errno.deadlocked`,
/// and the kernel is gone.
public final class Kernel: Sendable {
    public let configuration: KernelConfiguration
    /// The simulated physical memory.
    public let memory: KHOMemory
    /// How the kernel came up.
    public let outcome: BootOutcome
    /// The number of live updates behind it: 0 where nothing was handed over.
    public let liveUpdateNumber: UInt64

    let adoption: Adoption
    let limits: Limits
    let registry: Registry
    let sessions: SessionLists
    let log: KernelLog
    let preservedFiles = PreservedFiles()
    /// The FLB records that came in; `nil` if there is no incoming state.
    let flbRecords: FLBRecords?
    let device = DeviceState()
    private let isAlive: ReadWriteLocked<Bool>
    /// Why the kernel is gone, if it crashed or hangs.
    private let failure = Locked<Errno?>(nil)

    /// Boots a kernel.
    ///
    /// - Parameters:
    ///   - configuration: its release, its memory, and what it does otherwise than others.
    ///   - handedOver: what the kernel before has left; `nil` at power-on.
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
        // Without a lifecycle, calls end before the registry.
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

    /// Runs `body` while the kernel cannot hand over.
    ///
    /// - Throws: `ESHUTDOWN` where it has, or has panicked.
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
            // An operation that cannot fail has called what does not return.
            if let failure = failure.withLock({ $0 }) { throw failure }
            return result
        }
    }

    /// Ends the kernel's life if an error is one that no call returns with.
    func fail(_ error: Errno) {
        if error == .crashed || error == .deadlocked { failure.withLock { $0 = $0 ?? error } }
    }

    /// Runs `body` while nothing else happens, and ends the kernel's life where it returns.
    func ending<Result>(_ body: () throws(KexecError) -> Result) throws(KexecError) -> Result {
        try isAlive.write { isAlive throws(KexecError) in
            guard isAlive, failure.withLock({ $0 == nil }) else { throw .refused(.kernelGone) }
            let result = try body()
            isAlive = false
            return result
        }
    }

    /// Whether the kernel is still there: it has neither handed over nor panicked nor crashed.
    public var isRunning: Bool { isAlive.read { $0 } && failure.withLock { $0 == nil } }

    // MARK: Handlers

    /// Registers a file handler. Mirrors `liveupdate_register_file_handler`.
    ///
    /// - Throws: `EOPNOTSUPP` if live update is off, `EINVAL` if a mandatory operation is missing, `EEXIST` if a
    ///   handler of the name is registered; up to 7.0 `EBUSY` while there is any session; before 7.1 `EAGAIN` if the
    ///   owner is going.
    public func register(_ handler: FileHandler) throws(Errno) {
        try whileEnabled { _ throws(Errno) in try registry.register(handler) }
    }

    /// Takes a file handler off, from 7.1 on with all FLBs. Mirrors `liveupdate_unregister_file_handler`.
    ///
    /// Nothing refuses while there are files of the handler but the reference to the owner that they hold. Their FLBs
    /// are then counted for good.
    ///
    /// - Throws: before 7.1 `EBUSY` if the handler has FLBs or was never registered, up to 7.0 also while there is any
    ///   session; `Errno.crashed` if it is not registered.
    public func unregister(_ handler: FileHandler) throws(Errno) {
        try whileEnabled { _ throws(Errno) in try registry.unregister(handler) }
    }

    // MARK: FLBs

    /// Makes the files of a handler depend on an FLB. Mirrors `liveupdate_register_flb`.
    ///
    /// Files that are preserved already do not depend on it. But once they go they are counted off it, too: a count of
    /// 0 then goes below, and from 7.1 on the FLB is never preserved again.
    ///
    /// - Throws: `EOPNOTSUPP` if live update is off or the kernel has no FLBs, `EINVAL` if an operation is missing,
    ///   `EEXIST` if the two are linked or another FLB has the name, `ENOSPC` if there are `LUO_FLB_MAX` others; in 7.0
    ///   `EBUSY` while there is any session, `EAGAIN` if the owner is going; `Errno.crashed` if the handler was never
    ///   registered; `Errno.deadlocked` from an FLB's operation.
    public func register(_ flb: FLB, with handler: FileHandler) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in try registry.register(instance, with: handler) }
    }

    /// Undoes ``register(_:with:)``. Mirrors `liveupdate_unregister_flb`.
    ///
    /// Kernels after 7.0 do not refuse while the handler has files: the FLB is not handed over, and its object is lost.
    ///
    /// - Throws: before 7.1 `ENOENT` if the two are not linked, in 7.0 `EBUSY` while there is any session;
    ///   `Errno.crashed` if the handler was never registered.
    public func unregister(_ flb: FLB, from handler: FileHandler) throws(Errno) {
        try whileEnabled { _ throws(Errno) in try registry.unregister(flb, from: handler) }
    }

    /// The live object of an FLB that is preserved. Mirrors `liveupdate_flb_get_outgoing`.
    ///
    /// From 7.2 on the caller holds it until ``putOutgoing(_:)``; before, it goes with the last file.
    ///
    /// - Returns: before 7.2 `nil` if there is no object.
    /// - Throws: from 7.2 on `ENOENT` if there is no object: no file is preserved, or `preserve` returned none.
    public func getOutgoing(_ flb: FLB) throws(Errno) -> LiveObject? {
        try withInstance(of: flb) { instance throws(Errno) in
            try instance.outgoing.write { outgoing throws(Errno) in try outgoing.get(instance) }
        }
    }

    /// Gives back what ``getOutgoing(_:)`` gave. Mirrors `liveupdate_flb_put_outgoing`.
    ///
    /// - Throws: `ENOSYS` before 7.2, where there is nothing to give back.
    public func putOutgoing(_ flb: FLB) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in
            guard configuration.lifecycle?.outgoingAccess == .counted else { throw .noFunction }
            try instance.putOutgoing()
        }
    }

    /// The live object of an FLB that came in; retrieved now if nobody has before. Mirrors
    /// `liveupdate_flb_get_incoming`.
    ///
    /// From 7.1 on the caller holds it until ``putIncoming(_:)``; before, it goes with the last file.
    ///
    /// - Throws: `ENODATA` if nothing came in, or the object is finished; `ENOENT` if no record has the name; `ENODEV`
    ///   if the owner is going; what `retrieve` throws, or from 7.2 on threw.
    public func getIncoming(_ flb: FLB) throws(Errno) -> LiveObject? {
        try withInstance(of: flb) { instance throws(Errno) in
            try instance.getIncoming(flbRecords)
        }
    }

    /// Gives back what ``getIncoming(_:)`` gave, which can finish the object. Mirrors `liveupdate_flb_put_incoming`.
    ///
    /// - Throws: `ENOSYS` before 7.1, where there is nothing to give back.
    public func putIncoming(_ flb: FLB) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in
            guard configuration.lifecycle?.incomingAccess == .counted else { throw .noFunction }
            try instance.putIncoming(flbRecords)
        }
    }

    /// How many files and others hold an FLB on its way out, as the kernel counts.
    public func outgoingCount(of flb: FLB) -> Int64 {
        registry.known(flb)?.outgoing.current.count.value ?? 0
    }

    /// How many files and others hold an FLB that came in, as the kernel counts: 0 until the count is loaded.
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

    /// Runs `body` while the kernel cannot hand over, and live update is on.
    private func whileEnabled<Result>(_ body: (FLBLifecycle) throws(Errno) -> Result) throws(Errno) -> Result {
        try whileAlive { () throws(Errno) in
            guard let rules = enabledLifecycle else { throw .notSupported }
            return try body(rules)
        }
    }

    /// What the kernel does with handlers, FLBs and sessions; `nil` if it has no live update, or live update is off.
    var enabledLifecycle: FLBLifecycle? { configuration.isLiveUpdateEnabled ? configuration.lifecycle : nil }

    var hasLiveUpdate: Bool { enabledLifecycle != nil }
}
