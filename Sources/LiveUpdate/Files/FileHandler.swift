import Handover
import SystemPackage

/// Preserves files of one kind. Mirrors `struct liveupdate_file_handler`.
public final class FileHandler: Sendable {
    /// The unique name. A kernel writes only its first 47 bytes into file records, so the next kernel cannot find the
    /// handler of a longer name.
    public let compatible: String
    public let operations: Operations
    /// The module that must stay loaded while there are files; `nil` for built-in code.
    public let owner: Module?

    public init(compatible: String, operations: Operations, owner: Module? = nil) {
        self.compatible = compatible
        self.operations = operations
        self.owner = owner
    }

    /// The operations of a handler. Mirrors `struct liveupdate_file_ops`.
    ///
    /// All are called under the lock of the file's session.
    public struct Operations: Sendable {
        /// Mandatory. Whether the handler can preserve the file.
        public var canPreserve: (@Sendable (any PreservableFile) -> Bool)?
        /// Mandatory. Saves the file.
        public var preserve: (@Sendable (any PreservableFile, KHOMemory) throws(Errno) -> PreservedFile)?
        /// Called just before the reboot: saves what may have changed.
        public var freeze: (@Sendable (any PreservableFile, inout PreservedFile, KHOMemory) throws(Errno) -> Void)?
        /// Called if the reboot is aborted: undoes `freeze`.
        public var unfreeze: (@Sendable (any PreservableFile, PreservedFile, KHOMemory) -> Void)?
        /// Mandatory. Undoes `preserve`.
        public var unpreserve: (@Sendable (any PreservableFile, PreservedFile, KHOMemory) -> Void)?
        /// Mandatory. Restores the file in the next kernel.
        public var retrieve: (@Sendable (PreservedFile, KHOMemory) throws(Errno) -> any PreservableFile)?
        /// Whether the file can be finished; without it, all files can.
        public var canFinish: (@Sendable (PreservedFile, RetrieveStatus) -> Bool)?
        /// Mandatory. Cleans up, whether the file was retrieved or not.
        public var finish: (@Sendable ((any PreservableFile)?, PreservedFile, RetrieveStatus, KHOMemory) -> Void)?
        /// The identity of a file, so that it is preserved only once; by default, the file itself. The kernel's
        /// `get_id`.
        public var identity: (@Sendable (any PreservableFile) -> ObjectIdentifier)?

        public init() {}
    }

    /// The result of retrieving a file.
    public enum RetrieveStatus: Hashable, Sendable {
        case notYet
        case retrieved
        case failed(Errno)
    }
}

/// What a handler has saved for a file.
public struct PreservedFile: Sendable {
    /// The file's record, and its contents if their kind is known. The writer creates the contents' bytes when it lays
    /// out the handover; the reader reads them.
    public var record: FileState

    /// The handle that the next kernel's handler gets: usually the address of preserved memory.
    public var data: UInt64 {
        get { record.data ?? 0 }
        set { record.data = newValue }
    }

    public init(data: UInt64) {
        record = FileState()
        record.data = data
    }

    /// The saved state of an incoming file.
    init(_ record: FileState) {
        self.record = record
    }
}
