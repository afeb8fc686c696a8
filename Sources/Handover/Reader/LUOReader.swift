import FDT
import KernelABI

/// Reads LUO's state, in either of its forms, and everything it refers to.
struct LUOReader {
    let context: ReadingContext
    let generation: Generation
    let abi: Generation.LUOState

    /// Reads the blob of the LUO subtree.
    ///
    /// - Returns: `nil` if the blob is not LUO's.
    func read(_ blob: [UInt8], at address: PhysicalAddress?, _ log: inout ReadingLog) -> LUOState? {
        switch abi.form {
        case .tree(let tree): read(blob, as: tree, at: address, &log)
        case .record(let layout): read(blob, as: layout, at: address, &log)
        }
    }

    private func read(
        _ blob: [UInt8], as layout: LUOLayout, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> LUOState? {
        let place = Place(layout.structure, at: address)
        guard blob.count >= layout.structure.size else {
            log.report(.size, of: .luo(), at: place, found: "\(blob.count) bytes", expected: "\(layout.structure.size)")
            return nil
        }
        let bytes = blob.span.bytes
        let compatible: KernelString = layout.compatible.read(bytes)
        guard compatible == KernelString(abi.compatible) else {
            log.report(
                .compatible, of: .luo(), at: place.field(layout.compatible), found: compatible.named,
                expected: "\"\(abi.compatible)\": this is "
                    + (DevelopmentSeries.describe(compatible: compatible.bytes)
                        ?? DevelopmentSeries.describe(structure: bytes) ?? "not a \(layout.structure.name)"))
            return nil
        }
        var state = LUOState()
        state.compatible = compatible
        state.liveUpdateNumber = layout.liveUpdateNumber.read(bytes)
        state.further = layout.further(of: bytes, at: 0)
        let sessions = layout.sessions.read(bytes)
        let flbs = layout.flbs.read(bytes)
        readSessions(at: sessions, flbs: flbs, into: &state, &log)
        return state
    }

    private func read(
        _ blob: [UInt8], as form: Generation.LUOState.Tree, at address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> LUOState? {
        let tree: FlattenedTree
        do throws(FDTError) {
            tree = try FlattenedTree(blob)
        } catch {
            log.report(
                .notATree, of: .luo(), at: Place(abi.subtree, at: address), found: error.description,
                expected: "an FDT")
            return nil
        }
        let properties = TreeProperties(node: tree.root, structure: abi.subtree, owner: .luo(), address: address)
        guard let compatible = properties.compatible(abi.compatible, &log) else { return nil }
        var state = LUOState()
        state.compatible = compatible
        state.liveUpdateNumber = properties.number(form.numberProperty, &log)
        var sessionsAddress: PhysicalAddress?
        var flbAddress: PhysicalAddress?
        if let node = node(form.sessions.name, of: tree, address, &log) {
            let properties = TreeProperties(node: node, structure: abi.subtree, owner: .luo(), address: address)
            state.sessionCompatible = properties.compatible(form.sessions.compatible, &log)
            sessionsAddress = properties.number(form.sessions.addressProperty, &log).map(PhysicalAddress.init(_:))
        }
        if let flbs = form.flbs, let node = node(flbs.name, of: tree, address, &log) {
            let properties = TreeProperties(node: node, structure: abi.subtree, owner: .luo(), address: address)
            state.flbCompatible = properties.compatible(flbs.compatible, &log)
            flbAddress = properties.number(flbs.addressProperty, &log).map(PhysicalAddress.init(_:))
        }
        readSessions(at: sessionsAddress, flbs: flbAddress, into: &state, &log)
        return state
    }

    private func node(
        _ name: String, of tree: FlattenedTree, _ address: PhysicalAddress?, _ log: inout ReadingLog
    ) -> FlattenedTree.Node? {
        if let node = tree.root.subnode(named: name) { return node }
        log.report(
            .missing, of: .luo(), at: Place(abi.subtree, at: address), found: "no node /\(name)", expected: "one")
        return nil
    }

    private func readSessions(
        at sessions: PhysicalAddress?, flbs: PhysicalAddress?, into state: inout LUOState, _ log: inout ReadingLog
    ) {
        if let sessions {
            SessionReader(context: context, abi: abi, generation: generation)
                .read(at: sessions, into: &state, &log)
        }
        if let flbs, let container = abi.flbs {
            FLBReader(context: context, container: container, generation: generation).read(at: flbs, into: &state, &log)
        }
    }
}
