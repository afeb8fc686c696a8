import SystemPackage

/// Something that happens in a kernel, as reported to its observer.
public enum Event: Hashable, Sendable {
    /// An operation of an FLB or file handler was called and has returned.
    case callback(Callback)
    /// The number of files and other holders of an FLB changed.
    case count(flb: String, Direction, from: Int64, to: Int64)
    /// A message in the kernel log.
    case message(String)
    /// A `WARN` in the kernel log.
    case warning(String)

    /// The incoming or outgoing state of an FLB.
    public enum Direction: String, Hashable, Sendable {
        /// Towards the next kernel.
        case outgoing
        /// From the previous kernel.
        case incoming
    }

    /// A call of an operation.
    public struct Callback: Hashable, Sendable {
        public var subject: Subject
        /// The `compatible` of the FLB or handler.
        public var name: String
        public var operation: Operation
        /// The handle that was passed in or returned, if any.
        public var data: UInt64?
        /// The token of the file, for a handler.
        public var token: UInt64?
        /// The error returned by the operation; `nil` for success.
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
            /// The operations that can fail or refuse.
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

/// Receives events of a kernel.
///
/// Called on the thread that causes the event, while the kernel holds the locks concerned: it must be fast, and must
/// not call the kernel.
public typealias Observer = @Sendable (Event) -> Void
