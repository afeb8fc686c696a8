import SystemPackage

/// A live object: whatever an FLB's operations make of their data, for those who ask the kernel for it.
public typealias LiveObject = any Sendable

/// A file-lifecycle-bound object: state that files share, preserved with the first of them and finished with the last.
///
/// Mirrors `struct liveupdate_flb`. This is what a developer writes: a name and four operations. What becomes of it
/// in a kernel is that kernel's to know; make an FLB anew for each, as a module's code is loaded anew.
public final class FLB: Sendable {
    /// The unique name. A kernel writes the first 47 bytes of it into its record: of a longer name the next kernel
    /// finds nothing.
    public let compatible: String
    public let operations: Operations
    /// The module that has to stay for as long as the object is live; `nil` for what is built in.
    public let owner: Module?

    public init(compatible: String, operations: Operations, owner: Module? = nil) {
        self.compatible = compatible
        self.operations = operations
        self.owner = owner
    }

    /// What an FLB does at the turns of its life. Mirrors `struct liveupdate_flb_ops`: all of them are mandatory.
    ///
    /// The kernel calls them under a lock of the FLB, one for each direction: `preserve` and `unpreserve` never run
    /// at the same time, nor do `retrieve` and `finish`. If they ask the kernel for the FLB that they
    /// are of, they wait for themselves (`Errno.deadlocked`).
    public struct Operations: Sendable {
        /// Called when the first file that depends on the FLB is preserved.
        public var preserve: (@Sendable (KHOMemory) throws(Errno) -> Preserved)?
        /// Called when the last such file is gone, before there was a reboot: undoes `preserve`.
        public var unpreserve: (@Sendable (Preserved, KHOMemory) -> Void)?
        /// Called in the next kernel when somebody asks for the object, and at the latest before `finish`: makes the
        /// live object of the data that `preserve` returned.
        public var retrieve: (@Sendable (UInt64, KHOMemory) throws(Errno) -> LiveObject?)?
        /// Called in the next kernel when the last file is finished: gets the live object.
        public var finish: (@Sendable (LiveObject?, KHOMemory) -> Void)?

        public init(
            preserve: (@Sendable (KHOMemory) throws(Errno) -> Preserved)?,
            unpreserve: (@Sendable (Preserved, KHOMemory) -> Void)?,
            retrieve: (@Sendable (UInt64, KHOMemory) throws(Errno) -> LiveObject?)?,
            finish: (@Sendable (LiveObject?, KHOMemory) -> Void)?
        ) {
            self.preserve = preserve
            self.unpreserve = unpreserve
            self.retrieve = retrieve
            self.finish = finish
        }

        /// The operations, where none is missing.
        var complete: CompleteOperations? {
            guard let preserve, let unpreserve, let retrieve, let finish else { return nil }
            return CompleteOperations(preserve: preserve, unpreserve: unpreserve, retrieve: retrieve, finish: finish)
        }
    }

    /// What `preserve` returns.
    public struct Preserved: Sendable {
        /// The handle that the next kernel's `retrieve` gets: most often the address of preserved memory.
        public var data: UInt64
        /// The live object for those who ask in this kernel; `nil` if there is none.
        public var object: LiveObject?

        public init(data: UInt64, object: LiveObject? = nil) {
            self.data = data
            self.object = object
        }
    }

    /// The operations of an FLB that a kernel has accepted.
    struct CompleteOperations: Sendable {
        let preserve: @Sendable (KHOMemory) throws(Errno) -> Preserved
        let unpreserve: @Sendable (Preserved, KHOMemory) -> Void
        let retrieve: @Sendable (UInt64, KHOMemory) throws(Errno) -> LiveObject?
        let finish: @Sendable (LiveObject?, KHOMemory) -> Void
    }
}
