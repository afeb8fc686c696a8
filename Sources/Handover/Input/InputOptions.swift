import KernelABI
import SystemPackage

/// What the user knows about an input, and need not be found out.
public struct InputOptions: Sendable {
    /// The name of the ``InputKind`` to read the input as.
    public var kind: String?
    /// Memory images: beside blobs, for pointers to lead to; beside an image, the rest of its memory.
    public var memory: [FilePath] = []
    /// Where raw memory begins: what is of no form that says so itself.
    public var rawAddress: PhysicalAddress?
    /// Where the root FDT is.
    public var rootAddress: PhysicalAddress?
    /// What the kernel was told when it was booted, which says where the root FDT and the scratch areas are: a file
    /// with a `kho_data` (x86), a device tree with `/chosen`, or a directory with its properties (arm64).
    public var bootData: FilePath?
    /// Whether to search memory for what nothing leads to any more.
    public var searches = false
    /// Whether to do so where there is no root, and nobody has said where it is.
    public var searchesWithoutRoot = false
    public var generation: Generation?
    /// The generations that it may be, where ``generation`` does not say it.
    public var generations = Generation.known
    public var pageSize: PageSize?
    /// The kinds of content to read.
    public var kinds = ContentKinds.standard

    public init() {}
}
