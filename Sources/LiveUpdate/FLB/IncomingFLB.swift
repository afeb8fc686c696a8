import Handover
import KernelABI
import SystemPackage

/// An FLB that the last kernel handed over: retrieved once, on demand, and finished once.
///
/// Mirrors the incoming `struct luo_flb_private_state`. Who calls holds its lock.
struct IncomingFLB: Sendable {
    private(set) var count: ReferenceCount
    private(set) var object: LiveObject?
    private(set) var stage = Stage.handedOver
    private var isCountLoaded = false
    private let rules: FLBLifecycle
    private let countLoading: CountLoading

    /// How far the object has come.
    enum Stage: Sendable {
        case handedOver
        case retrieved
        /// `retrieve` has failed, and will not be called again.
        case failed(Errno)
        case finished
    }

    /// When the count is taken from the record.
    enum CountLoading: Sendable {
        /// As soon as anybody needs it: what the documentation amounts to.
        case atFirstUse
        /// When the object is retrieved, and each time that is tried: ``Quirk/countLoadedByRetrieve``.
        case byRetrieve
    }

    init(_ rules: FLBLifecycle, _ countLoading: CountLoading) {
        count = ReferenceCount(rules.counter)
        self.rules = rules
        self.countLoading = countLoading
    }

    /// Gives the object to who asks, and retrieves it first if nobody has. Mirrors `liveupdate_flb_get_incoming`.
    mutating func get(_ flb: FLBInstance, _ records: FLBRecords?) throws(Errno) -> LiveObject? {
        if object == nil { try retrieve(flb, records) }
        if rules.incomingAccess == .counted {
            let before = count.value
            count.increment()
            flb.report(.incoming, from: before, to: count.value)
        }
        return object
    }

    /// Mirrors `luo_flb_retrieve_one`.
    ///
    /// - Throws: `ENODATA` where nothing came in or the object is finished, `ENOENT` where no record has the name,
    ///   `ENODEV` where the owner is going, or what `retrieve` throws or threw.
    private mutating func retrieve(_ flb: FLBInstance, _ records: FLBRecords?) throws(Errno) {
        switch stage {
        case .finished: throw .noData
        case .failed(let error): throw error
        case .retrieved: return
        case .handedOver: break
        }
        guard let records else { throw .noData }
        guard let record = records[flb.name] else { throw .noSuchFileOrDirectory }
        loadCount(of: record, again: countLoading == .byRetrieve)
        guard flb.definition.owner.tryGet() else { throw .operationNotSupportedByDevice }
        do throws(Errno) {
            object = try flb.operations.retrieve(record.data, flb.memory)
            flb.report(.retrieve, data: record.data)
        } catch {
            flb.report(.retrieve, data: record.data, error: error)
            if rules.failedRetrieve == .remembered { stage = .failed(error) }
            flb.definition.owner.put()
            throw error
        }
        stage = .retrieved
    }

    private mutating func loadCount(of record: FLBState, again: Bool) {
        guard !isCountLoaded || again else { return }
        count.set(record.count)
        isCountLoaded = true
    }

    /// Counts a file or another holder off, and finishes after the last. Mirrors `liveupdate_flb_put_incoming`.
    mutating func put(_ flb: FLBInstance, _ records: FLBRecords?) {
        if countLoading == .atFirstUse, let record = records?[flb.name] { loadCount(of: record, again: false) }
        if countLoading == .atFirstUse, !isCountLoaded {
            flb.observer?(.message("\(flb.name): the last kernel handed nothing over; there is nothing to finish"))
            return
        }
        let before = count.value
        let decrement = count.decrement()
        flb.report(.incoming, from: before, to: count.value)
        switch decrement {
        case .held: return
        case .underflow:
            flb.observer?(
                .warning(
                    count.counter == .saturating
                        ? "\(flb.name): refcount_t: underflow; use-after-free."
                        : "\(flb.name): the count goes on below zero"))
        case .last:
            do throws(Errno) {
                try retrieve(flb, records)
            } catch {
                flb.observer?(.warning("\(flb.name): cannot be retrieved to be finished: \(error.kernelName)"))
                return
            }
            flb.report(.finish)
            flb.operations.finish(object, flb.memory)
            object = nil
            stage = .finished
            flb.definition.owner.put()
        }
    }
}
