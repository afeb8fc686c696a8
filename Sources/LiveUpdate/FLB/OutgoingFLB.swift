import KernelABI
import SystemPackage

/// An FLB on its way to the next kernel: no object until the first file, and none after the last.
///
/// Mirrors the outgoing `struct luo_flb_private_state`. Who calls holds its lock.
struct OutgoingFLB: Sendable {
    private(set) var count: ReferenceCount
    private(set) var preserved: FLB.Preserved?
    private let access: FLBLifecycle.Access

    init(_ rules: FLBLifecycle) {
        count = ReferenceCount(rules.counter)
        access = rules.outgoingAccess
    }

    /// Counts a file, and preserves for the first. Mirrors `luo_flb_file_preserve_one`.
    ///
    /// - Throws: `ENODEV` where the owner is going, or what `preserve` throws; then nothing is counted.
    mutating func addFile(of flb: FLBInstance) throws(Errno) {
        if count.value == 0 {
            guard flb.definition.owner.tryGet() else { throw .operationNotSupportedByDevice }
            do throws(Errno) {
                let preserved = try flb.operations.preserve(flb.memory)
                flb.report(.preserve, data: preserved.data)
                self.preserved = preserved
            } catch {
                flb.report(.preserve, error: error)
                flb.definition.owner.put()
                throw error
            }
        }
        let before = count.value
        count.increment()
        flb.report(.outgoing, from: before, to: count.value)
    }

    /// Gives the object to who asks. Mirrors `liveupdate_flb_get_outgoing`.
    ///
    /// - Throws: `ENOENT` where there is no object.
    mutating func get(_ flb: FLBInstance) throws(Errno) -> LiveObject {
        guard let object = preserved?.object else { throw .noSuchFileOrDirectory }
        if access == .counted {
            let before = count.value
            count.increment()
            flb.report(.outgoing, from: before, to: count.value)
        }
        return object
    }

    /// Counts a file or another holder off, and unpreserves after the last. Mirrors `liveupdate_flb_put_outgoing`.
    mutating func put(_ flb: FLBInstance) {
        let before = count.value
        let decrement = count.decrement()
        flb.report(.outgoing, from: before, to: count.value)
        switch decrement {
        case .held: return
        case .underflow: flb.observer?(.warning("\(flb.name): refcount_t: underflow; use-after-free."))
        case .last:
            if let preserved {
                flb.report(.unpreserve, data: preserved.data)
                flb.operations.unpreserve(preserved, flb.memory)
            }
            preserved = nil
            flb.definition.owner.put()
        }
    }
}
