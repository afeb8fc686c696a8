import Handover
import SystemPackage

/// Preserves files of one kind. Mirrors `struct liveupdate_file_handler`.
public final class FileHandler: Sendable {
    /// The unique name. A kernel writes the first 47 bytes of it beside each file: with a longer name the next kernel
    /// finds no handler.
    public let compatible: String
    public let operations: Operations
    /// The module that has to stay for as long as there are files; `nil` for what is built in.
    public let owner: Module?

    public init(compatible: String, operations: Operations, owner: Module? = nil) {
        self.compatible = compatible
        self.operations = operations
        self.owner = owner
    }

    /// What a handler does. Mirrors `struct liveupdate_file_ops`.
    ///
    /// All are called under the lock of the file's session.
    public struct Operations: Sendable {
        /// Mandatory: whether the file is of the handler's kind.
        public var canPreserve: (@Sendable (any PreservableFile) -> Bool)?
        /// Mandatory: saves the file.
        public var preserve: (@Sendable (any PreservableFile, KHOMemory) throws(Errno) -> PreservedFile)?
        /// Just before the reboot: saves what may have changed.
        public var freeze: (@Sendable (any PreservableFile, inout PreservedFile, KHOMemory) throws(Errno) -> Void)?
        /// The reboot is off: undoes `freeze`.
        public var unfreeze: (@Sendable (any PreservableFile, PreservedFile, KHOMemory) -> Void)?
        /// Mandatory: undoes `preserve`.
        public var unpreserve: (@Sendable (any PreservableFile, PreservedFile, KHOMemory) -> Void)?
        /// Mandatory: makes the file anew in the next kernel.
        public var retrieve: (@Sendable (PreservedFile, KHOMemory) throws(Errno) -> any PreservableFile)?
        /// Whether the file can be finished; all can where this is missing.
        public var canFinish: (@Sendable (PreservedFile, RetrieveStatus) -> Bool)?
        /// Mandatory: cleans up, the file retrieved or not.
        public var finish: (@Sendable ((any PreservableFile)?, PreservedFile, RetrieveStatus, KHOMemory) -> Void)?
        /// What a file is known by, so that it is preserved once; the file itself if this is missing. The kernel's
        /// `get_id`.
        public var identity: (@Sendable (any PreservableFile) -> ObjectIdentifier)?

        public init() {}
    }

    /// What has come of retrieving a file.
    public enum RetrieveStatus: Hashable, Sendable {
        case notYet
        case retrieved
        case failed(Errno)
    }
}

/// What a handler has saved of a file.
public struct PreservedFile: Sendable {
    /// The file's record, with what the handle leads to where its kind is known: the bytes of that are the writer's to
    /// make when the handover is laid out, and the reader's to read.
    public var record: FileState

    /// The handle that the next kernel's handler gets: most often the address of preserved memory.
    public var data: UInt64 {
        get { record.data ?? 0 }
        set { record.data = newValue }
    }

    public init(data: UInt64) {
        record = FileState()
        record.data = data
    }

    /// What was saved of a file that has come in.
    init(_ record: FileState) {
        self.record = record
    }
}
