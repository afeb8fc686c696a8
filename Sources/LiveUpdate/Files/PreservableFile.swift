/// An open file of the simulated kernel, as far as live update sees it: something with an identity.
///
/// What it is, its handler knows. See ``MemFD``.
public protocol PreservableFile: AnyObject, Sendable {}

/// A file that consists of nothing but the number by which its device is known: for handlers that are made up.
public final class OpaqueFile: PreservableFile {
    /// The handler that the file is for.
    public let handler: String
    public let data: UInt64

    public init(handler: String, data: UInt64) {
        self.handler = handler
        self.data = data
    }
}
