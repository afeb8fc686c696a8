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
/// those of an FLB for the lock of its direction, registrations for a reader/writer lock that nothing holds while an
/// operation runs.
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
    let sessions = SessionLists()
    let preservedFiles = PreservedFiles()
    /// The FLB records that came in; `nil` where there is no incoming state.
    let flbRecords: FLBRecords?
    let device = DeviceState()
    private let isAlive: ReadWriteLocked<Bool>

    /// Boots a kernel.
    ///
    /// - Parameter handedOver: what the kernel before has left; `nil` at power-on.
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
        registry = Registry(flbLimit: limits.flbs)
        if case .panicked = adoption.outcome {
            isAlive = ReadWriteLocked(false)
        } else {
            isAlive = ReadWriteLocked(true)
        }
        switch outcome {
        case .fresh(let reason): observer?(.message("boots afresh: \(reason)"))
        case .adopted: observer?(.message("takes over what was handed over; live update \(liveUpdateNumber)"))
        case .lost(let reason): observer?(.warning("KHO: disabling KHO revival: \(reason); all is lost"))
        case .panicked(let reason): observer?(.warning("panics: LUO cannot take over what was handed over: \(reason)"))
        }
    }

    var observer: Observer? { configuration.observer }

    /// Runs `body` while the kernel cannot hand over.
    ///
    /// - Throws: `ESHUTDOWN` where it has, or has panicked.
    func whileAlive<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        try isAlive.read { isAlive throws(Errno) in
            guard isAlive else { throw .kernelGone }
            return try body()
        }
    }

    /// Runs `body` while nothing else happens, and ends the kernel's life where it returns.
    func ending<Result>(_ body: () throws(KexecError) -> Result) throws(KexecError) -> Result {
        try isAlive.write { isAlive throws(KexecError) in
            guard isAlive else { throw .refused(.kernelGone) }
            let result = try body()
            isAlive = false
            return result
        }
    }

    /// Whether the kernel is still there: it has neither handed over nor panicked.
    public var isRunning: Bool { isAlive.read { $0 } }

    // MARK: Handlers

    /// Registers a file handler. Mirrors `liveupdate_register_file_handler`.
    ///
    /// - Throws: `EOPNOTSUPP` where live update is off, `EINVAL` where a mandatory operation is missing, `EEXIST` where
    ///   a handler of the name is registered.
    public func register(_ handler: FileHandler) throws(Errno) {
        try whileEnabled { () throws(Errno) in try registry.register(handler, observer: observer) }
    }

    /// Takes a file handler off, and all FLBs off it. Mirrors `liveupdate_unregister_file_handler`.
    ///
    /// - Throws: `EBUSY` while files of the handler are preserved, or have come in and are not finished: a kernel holds
    ///   the handler's module for as long. `ENOENT` where it is not registered.
    public func unregister(_ handler: FileHandler) throws(Errno) {
        try whileEnabled { () throws(Errno) in try registry.unregister(handler) }
    }

    // MARK: FLBs

    /// Makes the files of a handler depend on an FLB. Mirrors `liveupdate_register_flb`.
    ///
    /// Files that are preserved already do not depend on it.
    ///
    /// - Throws: `EOPNOTSUPP` where live update is off or the kernel has no FLBs, `EINVAL` where an operation is missing
    ///   or the handler is not registered, `EEXIST` where the two are linked or another FLB has the name, `ENOSPC`
    ///   where there are `LUO_FLB_MAX` others.
    public func register(_ flb: FLB, with handler: FileHandler) throws(Errno) {
        try whileEnabled { () throws(Errno) in
            try registry.register(try instance(of: flb), with: handler)
        }
    }

    /// Undoes ``register(_:with:)``. Mirrors `liveupdate_unregister_flb`.
    ///
    /// - Throws: `EBUSY` while the handler has files, `ENOENT` where the two are not linked.
    public func unregister(_ flb: FLB, from handler: FileHandler) throws(Errno) {
        try whileEnabled { () throws(Errno) in try registry.unregister(flb, from: handler) }
    }

    /// The live object of an FLB that is preserved. Mirrors `liveupdate_flb_get_outgoing`.
    ///
    /// From 7.2 on the caller holds it until ``putOutgoing(_:)``; before, it goes with the last file.
    ///
    /// - Throws: `ENOENT` where there is no object: no file is preserved, or `preserve` returned none.
    public func getOutgoing(_ flb: FLB) throws(Errno) -> LiveObject {
        try withInstance(of: flb) { instance throws(Errno) in
            try instance.outgoing.withLock { outgoing throws(Errno) in try outgoing.get(instance) }
        }
    }

    /// Gives back what ``getOutgoing(_:)`` gave. Mirrors `liveupdate_flb_put_outgoing`.
    ///
    /// - Throws: `ENOSYS` before 7.2, where there is nothing to give back.
    public func putOutgoing(_ flb: FLB) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in
            guard configuration.generation.flbLifecycle?.outgoingAccess == .counted else { throw .noFunction }
            instance.putOutgoing()
        }
    }

    /// The live object of an FLB that came in; retrieved now if nobody has before. Mirrors
    /// `liveupdate_flb_get_incoming`.
    ///
    /// From 7.1 on the caller holds it until ``putIncoming(_:)``; in 7.0 it goes with the last file.
    ///
    /// - Throws: `ENODATA` where nothing came in, or the object is finished; `ENOENT` where no record has the name;
    ///   `ENODEV` where the owner is going; what `retrieve` throws, or from 7.2 on threw.
    public func getIncoming(_ flb: FLB) throws(Errno) -> LiveObject? {
        try withInstance(of: flb) { instance throws(Errno) in
            try instance.incoming.withLock { incoming throws(Errno) in try incoming.get(instance, flbRecords) }
        }
    }

    /// Gives back what ``getIncoming(_:)`` gave, which can finish the object. Mirrors `liveupdate_flb_put_incoming`.
    ///
    /// - Throws: `ENOSYS` in 7.0, where there is nothing to give back.
    public func putIncoming(_ flb: FLB) throws(Errno) {
        try withInstance(of: flb) { instance throws(Errno) in
            guard configuration.generation.flbLifecycle?.incomingAccess == .counted else { throw .noFunction }
            instance.putIncoming(flbRecords)
        }
    }

    /// How many files and others hold an FLB on its way out, as the kernel counts.
    public func outgoingCount(of flb: FLB) -> Int64 {
        registry.known(flb)?.outgoing.withLock { $0.count.value } ?? 0
    }

    /// How many files and others hold an FLB that came in, as the kernel counts: 0 until the count is loaded.
    public func incomingCount(of flb: FLB) -> Int64 {
        registry.known(flb)?.incoming.withLock { $0.count.value } ?? 0
    }

    private func withInstance<Result>(
        of flb: FLB, _ body: (FLBInstance) throws(Errno) -> Result
    ) throws(Errno) -> Result {
        try whileEnabled { () throws(Errno) in try body(try instance(of: flb)) }
    }

    private func instance(of flb: FLB) throws(Errno) -> FLBInstance {
        guard let rules = configuration.generation.flbLifecycle else { throw .notSupported }
        guard let operations = flb.operations.complete else { throw .invalidArgument }
        return registry.instance(of: flb) {
            FLBInstance(
                flb, operations, rules,
                configuration.quirks.contains(.countLoadedByRetrieve) ? .byRetrieve : .atFirstUse,
                memory: memory, observer: observer)
        }
    }

    /// Runs `body` while the kernel cannot hand over, and live update is on.
    private func whileEnabled<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
        try whileAlive { () throws(Errno) in
            guard hasLiveUpdate else { throw .notSupported }
            return try body()
        }
    }

    /// Whether the kernel has live update, and it is on.
    var hasLiveUpdate: Bool { configuration.isLiveUpdateEnabled && configuration.generation.luo != nil }
}
