import FDT
import KernelABI

/// The bytes of a subtree, and their structure.
struct SubtreeBlob {
    var bytes: [UInt8]
    var form: Extent.Form
}

extension Generation.LUOState {
    /// The blob of the LUO subtree.
    func blob(of luo: LUOState, _ pageSize: PageSize) throws(WriteError) -> SubtreeBlob {
        guard let compatible = luo.compatible, let number = luo.liveUpdateNumber, let sessions = luo.sessionsAddress
        else { throw .incomplete(".luo") }
        switch form {
        case .record(let layout):
            guard let flbs = luo.flbAddress else { throw .incomplete(".luo.flb_pa") }
            var bytes = [UInt8](repeating: 0, count: layout.structure.size)
            layout.compatible.write(compatible, to: &bytes)
            layout.liveUpdateNumber.write(number, to: &bytes)
            layout.sessions.write(sessions, to: &bytes)
            layout.flbs.write(flbs, to: &bytes)
            layout.write(further: luo.further, to: &bytes, at: 0)
            return SubtreeBlob(bytes: bytes, form: .structure(layout.structure))
        case .tree(let tree):
            do throws(FDTError) {
                return SubtreeBlob(
                    bytes: try tree.write(luo, compatible, number, sessions, pageSize).bytes, form: .tree)
            } catch {
                throw .tree("subtree \(subtree)", error)
            }
        }
    }
}

extension Generation.LUOState.Tree {
    fileprivate func write(
        _ luo: LUOState, _ compatible: KernelString, _ number: UInt64, _ sessionsAddress: PhysicalAddress,
        _ pageSize: PageSize
    ) throws(FDTError) -> FlattenedTree {
        var writer = try SequentialWriter(capacity: pageSize.bytes)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", bytes: compatible.propertyBytes)
            try root.property(numberProperty, u64: number, .littleEndian)
            try root.node(sessions.name) { (node) throws(FDTError) in
                let compatible = luo.sessionCompatible ?? KernelString(sessions.compatible)
                try node.property("compatible", bytes: compatible.propertyBytes)
                try node.property(sessions.addressProperty, u64: sessionsAddress.rawValue, .littleEndian)
            }
            guard let flbs else { return }
            try root.node(flbs.name) { (node) throws(FDTError) in
                let compatible = luo.flbCompatible ?? KernelString(flbs.compatible)
                try node.property("compatible", bytes: compatible.propertyBytes)
                try node.property(flbs.addressProperty, u64: luo.flbAddress?.rawValue ?? 0, .littleEndian)
            }
        }
        return try writer.finish()
    }
}
