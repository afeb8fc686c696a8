import KernelABI
import SystemPackage

/// A file handler that a kernel has accepted.
final class HandlerEntry: Sendable {
    let definition: FileHandler
    let operations: Operations
    private let ownerHold: FLBLifecycle.OwnerHold
    private let log: KernelLog

    /// The operations of a handler that a kernel has accepted.
    struct Operations: Sendable {
        let canPreserve: @Sendable (any PreservableFile) -> Bool
        let preserve: @Sendable (any PreservableFile, KHOMemory) throws(Errno) -> PreservedFile
        let freeze: (@Sendable (any PreservableFile, inout PreservedFile, KHOMemory) throws(Errno) -> Void)?
        let unfreeze: (@Sendable (any PreservableFile, PreservedFile, KHOMemory) -> Void)?
        let unpreserve: @Sendable (any PreservableFile, PreservedFile, KHOMemory) -> Void
        let retrieve: @Sendable (PreservedFile, KHOMemory) throws(Errno) -> any PreservableFile
        let canFinish: (@Sendable (PreservedFile, FileHandler.RetrieveStatus) -> Bool)?
        let finish: @Sendable ((any PreservableFile)?, PreservedFile, FileHandler.RetrieveStatus, KHOMemory) -> Void
    }

    /// - Returns: `nil` if a mandatory operation is missing.
    init?(_ definition: FileHandler, _ ownerHold: FLBLifecycle.OwnerHold, _ log: KernelLog) {
        let given = definition.operations
        guard let canPreserve = given.canPreserve, let preserve = given.preserve, let unpreserve = given.unpreserve,
            let retrieve = given.retrieve, let finish = given.finish
        else { return nil }
        self.definition = definition
        self.ownerHold = ownerHold
        self.log = log
        operations = Operations(
            canPreserve: canPreserve, preserve: preserve, freeze: given.freeze, unfreeze: given.unfreeze,
            unpreserve: unpreserve, retrieve: retrieve, canFinish: given.canFinish, finish: finish)
    }

    /// Pins the owner for a file, unless registration already pins it.
    ///
    /// - Returns: Whether the owner stays.
    func acquire() -> Bool { ownerHold == .whileRegistered || definition.owner.tryGet() }

    func release() {
        if ownerHold == .whileUsed { definition.owner.put() }
    }

    /// The identity by which the kernel checks whether a session has the file. Mirrors `luo_get_id`.
    func identity(of file: any PreservableFile) -> ObjectIdentifier {
        definition.operations.identity?(file) ?? ObjectIdentifier(file)
    }

    func report(
        _ operation: Event.Callback.Operation, data: UInt64? = nil, token: UInt64? = nil, error: Errno? = nil
    ) {
        log.report(
            .callback(
                Event.Callback(.handler, definition.compatible, operation, data: data, token: token, error: error)))
    }
}
