import KernelABI
import SystemPackage

/// An FLB in one kernel: `struct luo_flb_private`. Has one lock per direction.
final class FLBInstance: Sendable {
    let definition: FLB
    let operations: FLB.CompleteOperations
    let memory: KHOMemory
    let log: KernelLog
    let outgoing: Guarded<OutgoingFLB>
    let incoming: Guarded<IncomingFLB>
    private let ownerHold: FLBLifecycle.OwnerHold
    private let incomingLocks: FLBLifecycle.Locks

    init(
        _ definition: FLB, _ operations: FLB.CompleteOperations, _ rules: FLBLifecycle, asDocumented: Bool,
        memory: KHOMemory, log: KernelLog
    ) {
        self.definition = definition
        self.operations = operations
        self.memory = memory
        self.log = log
        ownerHold = rules.flbOwner
        incomingLocks = rules.incomingLocks
        outgoing = Guarded(OutgoingFLB(rules), by: "outgoing.lock of \(definition.compatible)")
        incoming = Guarded(
            IncomingFLB(rules, asDocumented: asDocumented), by: "incoming.lock of \(definition.compatible)")
    }

    var name: String { definition.compatible }

    func addFile() throws(Errno) {
        try outgoing.write { outgoing throws(Errno) in try outgoing.addFile(of: self) }
    }

    func putOutgoing() throws(Errno) {
        try outgoing.write { outgoing throws(Errno) in outgoing.put(self) }
    }

    func putIncoming(_ records: FLBRecords?) throws(Errno) {
        switch incomingLocks {
        case .whole: try incoming.write { incoming throws(Errno) in incoming.put(self, records) }
        case .pieces:
            let isLast = try incoming.write { incoming throws(Errno) in incoming.countOff(self, records) }
            guard isLast,
                try incoming.write({ incoming throws(Errno) in incoming.retrieveToFinish(self, records) })
            else { return }
            try incoming.write { incoming throws(Errno) in incoming.finish(self) }
        }
    }

    /// Mirrors `liveupdate_flb_get_incoming`.
    func getIncoming(_ records: FLBRecords?) throws(Errno) -> LiveObject? {
        switch incomingLocks {
        case .whole: return try incoming.write { incoming throws(Errno) in try incoming.get(self, records) }
        case .pieces:
            // Kernels check without a lock. A concurrent change could as well have happened before.
            let isThere = try incoming.read { incoming throws(Errno) in incoming.object != nil }
            if !isThere { try incoming.write { incoming throws(Errno) in try incoming.retrieve(self, records) } }
            return try incoming.read { incoming throws(Errno) in incoming.object }
        }
    }

    /// Pins the owner for a live object, unless it is pinned anyway.
    ///
    /// - Returns: Whether the owner stays.
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
    /// Counts a file on all FLBs, in order; if one refuses, undoes that for those before it, in reverse order. Mirrors
    /// `luo_flb_file_preserve`.
    func addFile() throws(Errno) {
        for (index, flb) in enumerated() {
            do throws(Errno) {
                try flb.addFile()
            } catch {
                for counted in self[..<index].reversed() { try counted.putOutgoing() }
                throw error
            }
        }
    }

    /// Removes a file from the counts of all FLBs, in reverse order. Mirrors `luo_flb_file_unpreserve`.
    func removeFile() throws(Errno) {
        for flb in reversed() { try flb.putOutgoing() }
    }

    /// Removes a file from the counts of all incoming FLBs, in reverse order. Mirrors `luo_flb_file_finish`.
    func finishFile(_ records: FLBRecords?) throws(Errno) {
        for flb in reversed() { try flb.putIncoming(records) }
    }
}
