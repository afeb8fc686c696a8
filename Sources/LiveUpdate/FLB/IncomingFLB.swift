import Handover
import KernelABI
import SystemPackage

/// An FLB handed over by the previous kernel: retrieved once, on demand, and finished once.
///
/// Mirrors the incoming `struct luo_flb_private_state`. The caller must hold its lock.
struct IncomingFLB: Sendable {
    private(set) var count: ReferenceCount
    private(set) var object: LiveObject?
    private(set) var stage = Stage.handedOver
    private var isCountLoaded = false
    private let rules: FLBLifecycle
    /// Whether the count is loaded once, before it is first decremented. Kernels load it only in `retrieve`, on each
    /// attempt.
    private let isAsDocumented: Bool

    /// The state of the object.
    enum Stage: Sendable {
        case handedOver
        case retrieved
        /// `retrieve` has failed, and will not be called again.
        case failed(Errno)
        case finished
    }

    init(_ rules: FLBLifecycle, asDocumented: Bool) {
        count = ReferenceCount(rules.counter)
        self.rules = rules
        isAsDocumented = asDocumented
    }

    /// Returns the live object, retrieving it on first use. Mirrors `liveupdate_flb_get_incoming`.
    ///
    /// The caller gets a reference if the kernel counts.
    mutating func get(_ flb: FLBInstance, _ records: FLBRecords?) throws(Errno) -> LiveObject? {
        if object == nil { try retrieve(flb, records) }
        if rules.incomingAccess == .counted { count.increment(of: flb, .incoming) }
        return object
    }

    /// Mirrors `luo_flb_retrieve_one`.
    ///
    /// - Throws: `ENODATA` if nothing was handed over or the object is finished, `ENOENT` if no record has the name,
    ///   `ENODEV` if the owner is going away, or the error that `retrieve` throws or threw before.
    mutating func retrieve(_ flb: FLBInstance, _ records: FLBRecords?) throws(Errno) {
        switch stage {
        case .finished: throw .noData
        case .failed(let error): throw error
        case .retrieved: return
        case .handedOver: break
        }
        guard let records else { throw .noData }
        guard let record = records[flb.name] else { throw .noSuchFileOrDirectory }
        loadCount(of: record)
        guard flb.acquireOwner() else { throw .operationNotSupportedByDevice }
        do throws(Errno) {
            object = try flb.operations.retrieve(record.data, flb.memory)
            flb.report(.retrieve, data: record.data)
        } catch {
            flb.report(.retrieve, data: record.data, error: error)
            if rules.failedRetrieve == .remembered { stage = .failed(error) }
            flb.releaseOwner()
            throw error
        }
        stage = .retrieved
    }

    private mutating func loadCount(of record: FLBState) {
        if isAsDocumented, isCountLoaded { return }
        count.set(record.count)
        isCountLoaded = true
    }

    /// Drops a file's or another holder's reference, and finishes after the last. Mirrors
    /// `liveupdate_flb_put_incoming`.
    mutating func put(_ flb: FLBInstance, _ records: FLBRecords?) {
        if countOff(flb, records), retrieveToFinish(flb, records) { finish(flb) }
    }

    /// - Returns: Whether that was the last.
    mutating func countOff(_ flb: FLBInstance, _ records: FLBRecords?) -> Bool {
        if isAsDocumented, !isCountLoaded {
            guard let record = records?[flb.name] else { return false }
            loadCount(of: record)
        }
        return count.decrement(of: flb, .incoming)
    }

    /// - Returns: Whether there is something to finish.
    mutating func retrieveToFinish(_ flb: FLBInstance, _ records: FLBRecords?) -> Bool {
        switch stage {
        case .retrieved: break
        // Retrieving in this state loads the count again. Dropping that finishes once more, without an object.
        case .finished: break
        case .handedOver, .failed:
            do throws(Errno) {
                try retrieve(flb, records)
            } catch {
                flb.log.warn(
                    "luo_flb.c: \(flb.name) cannot be retrieved, so it cannot be finished: \(error.kernelName)")
                return false
            }
        }
        return true
    }

    mutating func finish(_ flb: FLBInstance) {
        flb.report(.finish)
        flb.operations.finish(object, flb.memory)
        object = nil
        stage = .finished
        flb.releaseOwner()
    }
}
