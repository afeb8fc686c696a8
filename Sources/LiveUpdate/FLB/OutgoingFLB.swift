import KernelABI
import SystemPackage

/// An FLB to be handed to the next kernel: it has no object before the first file, and none after the last.
///
/// Mirrors the outgoing `struct luo_flb_private_state`. The caller must hold its lock.
struct OutgoingFLB: Sendable {
    private(set) var count: ReferenceCount
    private(set) var preserved: FLB.Preserved?
    private let rules: FLBLifecycle

    init(_ rules: FLBLifecycle) {
        count = ReferenceCount(rules.counter)
        self.rules = rules
    }

    /// Counts a file, calling `preserve` for the first. Mirrors `luo_flb_file_preserve_one`.
    ///
    /// - Throws: `ENODEV` if the owner is going away, or the error that `preserve` throws; then nothing is counted.
    mutating func addFile(of flb: FLBInstance) throws(Errno) {
        guard count.value == 0 else { return count.increment(of: flb, .outgoing) }
        try preserve(flb)
        count.set(1)
        flb.report(.outgoing, from: 0, to: count.value)
    }

    private mutating func preserve(_ flb: FLBInstance) throws(Errno) {
        guard flb.acquireOwner() else { throw .operationNotSupportedByDevice }
        do throws(Errno) {
            let preserved = try flb.operations.preserve(flb.memory)
            flb.report(.preserve, data: preserved.data)
            self.preserved = preserved
        } catch {
            flb.report(.preserve, error: error)
            flb.releaseOwner()
            throw error
        }
    }

    /// Returns the live object to the caller. Mirrors `liveupdate_flb_get_outgoing`.
    ///
    /// - Throws: `ENOENT` if there is no object and getting one takes a reference.
    mutating func get(_ flb: FLBInstance) throws(Errno) -> LiveObject? {
        guard rules.outgoingAccess == .counted else { return preserved?.object }
        guard let object = preserved?.object else { throw .noSuchFileOrDirectory }
        count.increment(of: flb, .outgoing)
        return object
    }

    /// Drops a file's or another holder's reference, and unpreserves after the last. Mirrors
    /// `liveupdate_flb_put_outgoing`.
    mutating func put(_ flb: FLBInstance) {
        guard count.decrement(of: flb, .outgoing) else { return }
        let preserved = preserved ?? FLB.Preserved(data: 0)
        flb.report(.unpreserve, data: preserved.data)
        flb.operations.unpreserve(preserved, flb.memory)
        self.preserved = nil
        flb.releaseOwner()
    }
}
