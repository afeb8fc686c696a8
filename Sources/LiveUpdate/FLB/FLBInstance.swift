import KernelABI
import SystemPackage

/// An FLB in one kernel: `struct luo_flb_private`. There is one lock for each direction.
final class FLBInstance: Sendable {
    let definition: FLB
    let operations: FLB.CompleteOperations
    let memory: KHOMemory
    let observer: Observer?
    let outgoing: Locked<OutgoingFLB>
    let incoming: Locked<IncomingFLB>

    init(
        _ definition: FLB, _ operations: FLB.CompleteOperations, _ rules: FLBLifecycle,
        _ countLoading: IncomingFLB.CountLoading, memory: KHOMemory, observer: Observer?
    ) {
        self.definition = definition
        self.operations = operations
        self.memory = memory
        self.observer = observer
        outgoing = Locked(OutgoingFLB(rules))
        incoming = Locked(IncomingFLB(rules, countLoading))
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

    func report(_ operation: Event.Callback.Operation, data: UInt64? = nil, error: Errno? = nil) {
        observer?(.callback(Event.Callback(.flb, name, operation, data: data, error: error)))
    }

    func report(_ direction: Event.Direction, from: Int64, to: Int64) {
        observer?(.count(flb: name, direction, from: from, to: to))
    }
}

extension [FLBInstance] {
    /// Counts a file on all FLBs in their order; where one refuses, takes it back from those before it, the last first.
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
