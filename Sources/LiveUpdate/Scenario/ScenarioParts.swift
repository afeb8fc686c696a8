import Handover
import KernelABI
import SystemPackage

/// The handlers and FLBs of a scenario, with their operations, created for one kernel.
struct ScenarioParts {
    let scenario: Scenario
    let faults: Faults
    let calls: OperationCalls

    func handler(_ name: String, for kernel: KernelConfiguration, _ module: Module?) throws -> FileHandler {
        if let own = KernelHandler.named(name) {
            guard let handler = own.make(kernel) else {
                throw ScenarioProblem("kernel \(kernel.release) has no \(name) handler")
            }
            return FileHandler(
                compatible: handler.compatible, operations: played(handler.operations, name, OperationSteps()),
                owner: module)
        }
        guard let definition = scenario.handlers.first(where: { $0.name == name }) else {
            throw ScenarioProblem("no handler is called \"\(name)\"")
        }
        var operations = FileHandler.Operations()
        operations.canPreserve = { file in
            (file as? OpaqueFile).map { definition.takes.contains($0.handler) } ?? false
        }
        operations.preserve = { file, _ throws(Errno) in
            guard let file = file as? OpaqueFile else { throw .invalidArgument }
            return PreservedFile(data: file.data)
        }
        operations.freeze = { _, preserved, _ in
            if let data = definition.freezeData { preserved.data = data }
        }
        operations.unfreeze = { _, _, _ in }
        operations.unpreserve = { _, _, _ in }
        operations.retrieve = { preserved, _ in OpaqueFile(handler: name, data: preserved.data) }
        operations.finish = { _, _, _, _ in }
        operations = played(operations, name, definition.does)
        if definition.lacks.contains("can_preserve") { operations.canPreserve = nil }
        if definition.lacks.contains("preserve") { operations.preserve = nil }
        if definition.lacks.contains("freeze") { operations.freeze = nil }
        if definition.lacks.contains("unfreeze") { operations.unfreeze = nil }
        if definition.lacks.contains("unpreserve") { operations.unpreserve = nil }
        if definition.lacks.contains("retrieve") { operations.retrieve = nil }
        if definition.lacks.contains("finish") { operations.finish = nil }
        return FileHandler(compatible: definition.compatible, operations: operations, owner: module)
    }

    /// The operations as used in the scenario: some make calls, and some are made to fail. Adds `can_finish` to a
    /// handler without it only if a step needs it, as it would appear in every trace.
    private func played(
        _ operations: FileHandler.Operations, _ name: String, _ does: OperationSteps
    ) -> FileHandler.Operations {
        let result = operations.entered(entering("handler \(name)", name, does))
        return scenario.failsCanFinish(of: name) ? result.askedToFinish(faults, name) : result
    }

    /// Returns a function that runs at the start of an operation: it makes the operation's calls, and throws if the
    /// operation is to fail.
    private func entering(
        _ object: String, _ name: String, _ does: OperationSteps
    ) -> @Sendable (Event.Callback.Operation) throws(Errno) -> Void {
        { [faults, calls] operation throws(Errno) in
            RaceSide.use(object)
            try calls.perform(does[operation])
            try faults.check(name, operation)
        }
    }

    func flb(_ name: String, _ module: Module?) throws -> FLB {
        guard let definition = scenario.flbs.first(where: { $0.name == name }) else {
            throw ScenarioProblem("no FLB is called \"\(name)\"")
        }
        var operations =
            definition.payload.map { keeping($0, definition) }
            ?? plain(name, definition.data ?? 0, definition.hasObject)
        operations = operations.entered(entering("FLB \(name)", name, definition.does))
        if definition.lacks.contains("preserve") { operations.preserve = nil }
        if definition.lacks.contains("unpreserve") { operations.unpreserve = nil }
        if definition.lacks.contains("retrieve") { operations.retrieve = nil }
        if definition.lacks.contains("finish") { operations.finish = nil }
        return FLB(compatible: definition.compatible, operations: operations, owner: module)
    }

    /// An FLB that hands over a number.
    func plain(_ name: String, _ data: UInt64, _ hasObject: Bool) -> FLB.Operations {
        FLB.Operations(
            preserve: { _ throws(Errno) in
                FLB.Preserved(data: data, object: hasObject ? data.prefixedHex : nil)
            },
            unpreserve: { _, _ in },
            retrieve: { data, _ throws(Errno) in data.prefixedHex },
            finish: { _, _ in })
    }

    /// An FLB that hands over the address of preserved memory.
    private func keeping(_ payload: String, _ definition: Scenario.FLBDefinition) -> FLB.Operations {
        FLB.Operations(
            preserve: { memory throws(Errno) in
                let block = try memory.allocatePreserved(byteCount: payload.utf8.count + 1)
                try memory.write(payload.utf8, to: block)
                return FLB.Preserved(data: block.address.rawValue, object: definition.hasObject ? payload : nil)
            },
            unpreserve: { preserved, memory in
                let order = PageBlock.order(holding: UInt64(payload.utf8.count + 1), pageSize: memory.pageSize)
                memory.unpreserveAndFree(PageBlock(address: PhysicalAddress(preserved.data), order: order))
            },
            retrieve: { data, memory throws(Errno) in
                let block = try memory.restore(at: PhysicalAddress(data))
                defer { memory.free(block) }
                let bytes = try memory.read(at: block.address, count: memory.pageSize.bytes << block.order)
                return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            },
            finish: { _, _ in })
    }
}
