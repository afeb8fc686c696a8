import SystemPackage

/// Something that happens in a kernel, as its observer is told.
public enum Event: Hashable, Sendable {
    /// An operation of an FLB or of a file handler was called, and came back.
    case callback(Callback)
    /// The number of files, and other holders, of an FLB changed.
    case count(flb: String, Direction, from: Int64, to: Int64)
    /// What the kernel would log.
    case message(String)
    /// What the kernel would log with `WARN`.
    case warning(String)

    /// Which of an FLB's two lives is meant.
    public enum Direction: String, Hashable, Sendable {
        /// Towards the next kernel.
        case outgoing
        /// From the kernel before.
        case incoming
    }

    /// A call of an operation.
    public struct Callback: Hashable, Sendable {
        public var subject: Subject
        /// The `compatible` of the FLB or handler.
        public var name: String
        public var operation: Operation
        /// The handle that went in or came out, where there is one.
        public var data: UInt64?
        /// The token of the file, where it is a handler's.
        public var token: UInt64?
        /// What the operation returned; `nil` for success.
        public var error: Errno?

        public enum Subject: String, Hashable, Sendable {
            case flb, handler
        }

        public enum Operation: String, Hashable, Sendable, CaseIterable {
            case preserve, freeze, unfreeze, unpreserve, retrieve
            case canFinish = "can_finish"
            case finish

            /// The operations of an FLB, all of which are mandatory.
            static let ofFLBs: [Self] = [.preserve, .unpreserve, .retrieve, .finish]
            /// Those that can fail, or refuse.
            static let fallible: [Self] = [.preserve, .freeze, .retrieve, .canFinish]
        }

        init(
            _ subject: Subject, _ name: String, _ operation: Operation, data: UInt64? = nil, token: UInt64? = nil,
            error: Errno? = nil
        ) {
            self.subject = subject
            self.name = name
            self.operation = operation
            self.data = data
            self.token = token
            self.error = error
        }
    }
}

/// Is told of what happens in a kernel.
///
/// It is called from the thread on which it happens, while the kernel holds the locks of what it happens to: it has
/// to be quick, and must not call the kernel.
public typealias Observer = @Sendable (Event) -> Void
