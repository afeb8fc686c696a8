import SystemPackage

/// A live object: whatever an FLB's operations create from their data, for callers that ask the kernel for it.
public typealias LiveObject = any Sendable

/// A file-lifecycle-bound object: state shared by files, preserved with the first of them and finished with the last.
///
/// Mirrors `struct liveupdate_flb`. This is what a developer writes: a name and four operations. The state of an FLB
/// belongs to a kernel; create a new FLB for each kernel, as a module's code is loaded anew.
public final class FLB: Sendable {
    /// The unique name. A kernel writes only its first 47 bytes into the record, so the next kernel cannot find a
    /// longer name.
    public let compatible: String
    public let operations: Operations
    /// The module that must stay loaded while the object is live; `nil` for built-in code.
    public let owner: Module?

    public init(compatible: String, operations: Operations, owner: Module? = nil) {
        self.compatible = compatible
        self.operations = operations
        self.owner = owner
    }

    /// The operations of an FLB. Mirrors `struct liveupdate_flb_ops`: all of them are mandatory.
    ///
    /// The kernel calls them under a lock of the FLB, one per direction: `preserve` and `unpreserve` never run
    /// concurrently, nor do `retrieve` and `finish`. An operation that asks the kernel for its own FLB deadlocks
    /// (`Errno.deadlocked`).
    public struct Operations: Sendable {
        /// Called when the first file that depends on the FLB is preserved.
        public var preserve: (@Sendable (KHOMemory) throws(Errno) -> Preserved)?
        /// Called when the last such file is gone without a reboot: undoes `preserve`.
        public var unpreserve: (@Sendable (Preserved, KHOMemory) -> Void)?
        /// Called in the next kernel when the object is first requested, otherwise just before `finish`: creates the
        /// live object from the data returned by `preserve`.
        public var retrieve: (@Sendable (UInt64, KHOMemory) throws(Errno) -> LiveObject?)?
        /// Called with the live object in the next kernel when the last file is finished.
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

        /// The operations; `nil` if one is missing.
        var complete: CompleteOperations? {
            guard let preserve, let unpreserve, let retrieve, let finish else { return nil }
            return CompleteOperations(preserve: preserve, unpreserve: unpreserve, retrieve: retrieve, finish: finish)
        }
    }

    /// The result of `preserve`.
    public struct Preserved: Sendable {
        /// The handle passed to the next kernel's `retrieve`: usually the address of preserved memory.
        public var data: UInt64
        /// The live object for callers in this kernel; `nil` if there is none.
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
