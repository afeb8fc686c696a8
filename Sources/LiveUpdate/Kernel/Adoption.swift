import Handover
import KernelABI

/// The outcome of booting a kernel.
public enum BootOutcome: Hashable, Sendable {
    /// Nothing was handed over to it.
    case fresh(reason: String)
    /// It has restored what was handed over.
    case adopted
    /// "disabling KHO revival": it boots, but everything that was handed over is lost.
    case lost(reason: String)
    /// It panicked during boot.
    case panicked(reason: String)
}

/// The parts of a handover that a kernel accepts while it boots.
struct Adoption: Sendable {
    let outcome: BootOutcome
    /// The state that was read; `nil` if there was none, or KHO has rejected everything.
    let state: HandoverState?
    /// The reason why sessions cannot be deserialized, reported when `/dev/liveupdate` is opened.
    let sessionProblem: String?

    static let nothing = Adoption(outcome: .fresh(reason: "nothing was handed over"), state: nil)

    private init(outcome: BootOutcome, state: HandoverState?, sessionProblem: String? = nil) {
        self.outcome = outcome
        self.state = state
        self.sessionProblem = sessionProblem
    }

    /// LUO's state, if accepted.
    var luo: LUOState? {
        outcome == .adopted ? state?.luo : nil
    }

    init(of handedOver: HandedOver, by configuration: KernelConfiguration) {
        let generation = configuration.generation
        guard let root = handedOver.rootAddress else {
            self = .nothing
            return
        }
        let reader = HandoverReader(
            memory: handedOver.memory, pageSize: configuration.pageSize, generation: generation)
        let state: HandoverState
        do throws(Finding) {
            state = try reader.read(rootAt: root).state
        } catch {
            self.init(outcome: .lost(reason: "\(error)"), state: nil)
            return
        }
        // KHO's own checks: if they fail, everything is lost.
        guard let compatible = state.kho?.compatible, compatible.lists(generation.root.compatible) else {
            let found = state.kho?.compatible.map { "\($0)" } ?? "without compatible"
            self.init(
                outcome: .lost(reason: "the root FDT is \(found), not \"\(generation.root.compatible)\""), state: nil)
            return
        }
        guard let map = state.kho?.preservedMemoryMap, map.rawValue != 0 else {
            self.init(outcome: .lost(reason: "the root FDT has no \(generation.root.mapProperty)"), state: nil)
            return
        }
        guard let abi = generation.luo else {
            self.init(outcome: .fresh(reason: "this kernel has no Live Update Orchestrator"), state: state)
            return
        }
        guard let subtree = state.kho?.subtrees?.first(where: { $0.name == KernelString(abi.subtree) }) else {
            self.init(outcome: .fresh(reason: "no subtree \(abi.subtree)"), state: state)
            return
        }
        let examination = LUOExamination(
            abi: abi, root: generation.root, memory: handedOver.memory, pageSize: configuration.pageSize)
        if let reason = examination.panic(over: subtree, state.luo) {
            self.init(outcome: .panicked(reason: reason), state: state)
            return
        }
        self.init(outcome: .adopted, state: state, sessionProblem: state.luo.flatMap(examination.problem(with:)))
    }
}

/// The checks of LUO's state, in the kernel's order.
private struct LUOExamination {
    let abi: Generation.LUOState
    let root: Generation.RootTree
    let memory: SparseMemory
    let pageSize: PageSize

    /// The reason why the kernel panics; `nil` if it does not.
    func panic(over subtree: SubtreeState, _ luo: LUOState?) -> String? {
        guard subtree.address != nil else { return "the node \(abi.subtree) has no \(root.addressProperty) of 8 bytes" }
        if let property = root.sizeProperty, subtree.size == nil {
            return "the node \(abi.subtree) has no \(property) of 8 bytes"
        }
        guard let luo, let compatible = luo.compatible, compatible.lists(abi.compatible) else {
            let found = luo?.compatible.map { "\($0)" } ?? "something else"
            return "the subtree \(abi.subtree) is \(found), not \"\(abi.compatible)\""
        }
        guard luo.liveUpdateNumber != nil else { return "the update number is missing" }
        if case .tree(let tree) = abi.form {
            if let reason = panic(over: tree.sessions, luo.sessionCompatible, luo.sessionsAddress) { return reason }
            if let node = tree.flbs, let reason = panic(over: node, luo.flbCompatible, luo.flbAddress) {
                return reason
            }
        }
        if case .blockChain = abi.sessions.form, let address = luo.sessionsAddress, address.rawValue != 0,
            !isWhole(luo.blocks, abi.sessions)
        {
            return "the chain of session blocks is corrupted"
        }
        return nil
    }

    private func panic(
        over node: Generation.LUOState.Tree.Node, _ compatible: KernelString?, _ address: PhysicalAddress?
    ) -> String? {
        guard let compatible else { return "no node \(node.name) with a compatible" }
        guard compatible.lists(node.compatible) else {
            return "the node \(node.name) is \(compatible), not \"\(node.compatible)\""
        }
        return address == nil ? "the node \(node.name) has no \(node.addressProperty) of 8 bytes" : nil
    }

    /// The reason why sessions cannot be deserialized, other than names and handlers; `nil` if they can.
    func problem(with luo: LUOState) -> String? {
        guard luo.sessionsAddress.map({ $0.rawValue == 0 }) != true else { return nil }
        guard let sessions = luo.sessions else { return "the sessions cannot be read" }
        guard case .blockChain = abi.files.form else { return nil }
        for session in sessions {
            if let address = session.filesAddress, address.rawValue != 0, !isWhole(session.blocks, abi.files) {
                return "the chain of file blocks of session \(session.name.quoted) is corrupted"
            }
        }
        return nil
    }

    /// Whether a chain ends, and each of its blocks has a possible number of records.
    private func isWhole(_ blocks: [BlockState]?, _ container: RecordContainer<some KernelStructure>) -> Bool {
        guard let blocks, let last = blocks.last?.address else { return false }
        let capacity = UInt64(container.capacity(pageSize: pageSize))
        guard blocks.allSatisfy({ (1...capacity).contains($0.count ?? 0) }) else { return false }
        let layout = BlockHeaderLayout.layout
        let next = try? memory.withBytes(at: last, count: layout.structure.size) { layout.next.read($0) }
        return next?.rawValue == 0
    }
}

extension KernelString {
    /// Whether a list of strings contains a string. Mirrors `fdt_node_check_compatible`.
    func lists(_ string: String) -> Bool {
        bytes.split(separator: 0).contains { $0.elementsEqual(string.utf8) }
    }
}
