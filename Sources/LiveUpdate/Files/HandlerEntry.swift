import Synchronization
import SystemPackage

/// A file handler in one kernel, and how many files it holds.
final class HandlerEntry: Sendable {
    let definition: FileHandler
    let operations: Operations
    private let observer: Observer?
    private let files = Atomic<Int>(0)

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

    /// - Returns: `nil` where an operation is missing.
    init?(_ definition: FileHandler, observer: Observer?) {
        let given = definition.operations
        guard let canPreserve = given.canPreserve, let preserve = given.preserve, let unpreserve = given.unpreserve,
            let retrieve = given.retrieve, let finish = given.finish
        else { return nil }
        self.definition = definition
        self.observer = observer
        operations = Operations(
            canPreserve: canPreserve, preserve: preserve, freeze: given.freeze, unfreeze: given.unfreeze,
            unpreserve: unpreserve, retrieve: retrieve, canFinish: given.canFinish, finish: finish)
    }

    /// Takes the handler for a file, unless its owner is going. Who calls holds the registration lock to read.
    func acquire() -> Bool {
        guard definition.owner.tryGet() else { return false }
        files.add(1, ordering: .acquiringAndReleasing)
        return true
    }

    func release() {
        files.subtract(1, ordering: .acquiringAndReleasing)
        definition.owner.put()
    }

    /// Whether the handler has files. Only with the registration lock held to write does it stay so.
    var isInUse: Bool { files.load(ordering: .acquiring) > 0 }

    func report(
        _ operation: Event.Callback.Operation, data: UInt64? = nil, token: UInt64? = nil, error: Errno? = nil
    ) {
        observer?(
            .callback(
                Event.Callback(.handler, definition.compatible, operation, data: data, token: token, error: error)))
    }
}
