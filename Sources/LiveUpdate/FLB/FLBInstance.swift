import KernelABI
import SystemPackage

/// An FLB in one kernel: `struct luo_flb_private`. There is one lock for each direction.
final class FLBInstance: Sendable {
    let definition: FLB
    let operations: FLB.CompleteOperations
    let memory: KHOMemory
    let log: KernelLog
    let outgoing: Locked<OutgoingFLB>
    let incoming: Locked<IncomingFLB>
    private let ownerHold: FLBLifecycle.OwnerHold

    init(
        _ definition: FLB, _ operations: FLB.CompleteOperations, _ rules: FLBLifecycle, asDocumented: Bool,
        memory: KHOMemory, log: KernelLog
    ) {
        self.definition = definition
        self.operations = operations
        self.memory = memory
        self.log = log
        ownerHold = rules.flbOwner
        outgoing = Locked(OutgoingFLB(rules))
        incoming = Locked(IncomingFLB(rules, asDocumented: asDocumented))
    }

    var name: String { definition.compatible }

    func addFile() throws(Errno) {
        try outgoing.withLock { outgoing throws(Errno) in try outgoing.addFile(of: self) }
    }

    func putOutgoing() {
        outgoing.withLock { $0.put(self) }
    }

    func putIncoming(_ records: FLBRecords?) {
        incoming.withLock { $0.put(self, records) }
    }

    /// Takes the owner for a live object, unless it is held anyway.
    ///
    /// - Returns: whether the owner stays.
    func acquireOwner() -> Bool { ownerHold == .whileRegistered || definition.owner.tryGet() }

    func releaseOwner() {
        if ownerHold == .whileUsed { definition.owner.put() }
    }

    func report(_ operation: Event.Callback.Operation, data: UInt64? = nil, error: Errno? = nil) {
        log.report(.callback(Event.Callback(.flb, name, operation, data: data, error: error)))
    }

    func report(_ direction: Event.Direction, from: Int64, to: Int64) {
        log.report(.count(flb: name, direction, from: from, to: to))
    }
}

extension [FLBInstance] {
    /// Counts a file on all FLBs in their order; if one refuses, takes it back from those before it, the last first.
    /// Mirrors `luo_flb_file_preserve`.
    func addFile() throws(Errno) {
        for (index, flb) in enumerated() {
            do throws(Errno) {
                try flb.addFile()
            } catch {
                for counted in self[..<index].reversed() { counted.putOutgoing() }
                throw error
            }
        }
    }

    /// Counts a file off all FLBs, the last first. Mirrors `luo_flb_file_unpreserve`.
    func removeFile() {
        for flb in reversed() { flb.putOutgoing() }
    }

    /// Counts a file off all FLBs that came in, the last first. Mirrors `luo_flb_file_finish`.
    func finishFile(_ records: FLBRecords?) {
        for flb in reversed() { flb.putIncoming(records) }
    }
}
