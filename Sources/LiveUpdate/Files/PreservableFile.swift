/// An open file of the simulated kernel, as far as live update is concerned: an object with an identity.
///
/// Only its handler knows more about it. See ``MemFD``.
public protocol PreservableFile: AnyObject, Sendable {}

/// A file that consists only of a number that identifies its device, for use with made-up handlers.
public final class OpaqueFile: PreservableFile {
    /// The handler that the file is for.
    public let handler: String
    public let data: UInt64

    public init(handler: String, data: UInt64) {
        self.handler = handler
        self.data = data
    }
}
