import KernelABI
import SystemPackage

/// What the user knows about an input, so that it need not be detected.
public struct InputOptions: Sendable {
    /// The name of the ``InputKind`` to use for the input.
    public var kind: String?
    /// Memory images: with blobs, the memory that pointers refer to; with an image, the rest of its memory.
    public var memory: [FilePath] = []
    /// The start address of raw memory, that is, of a format that does not state it.
    public var rawAddress: PhysicalAddress?
    /// The address of the root FDT.
    public var rootAddress: PhysicalAddress?
    /// What the kernel was told at boot, which gives the addresses of the root FDT and the scratch areas: a file with a
    /// `kho_data` (x86), a device tree with `/chosen`, or a directory with its properties (arm64).
    public var bootData: FilePath?
    /// Whether to search memory for what nothing refers to any more.
    public var searches = false
    /// Whether to do so if there is no root and its address is not given.
    public var searchesWithoutRoot = false
    public var generation: Generation?
    /// The possible generations, unless ``generation`` gives it; `nil` for ``Generation/known``.
    public var generations: [Generation]?
    public var pageSize: PageSize?
    /// The kinds of content to read.
    public var kinds = ContentKinds.standard

    public init() {}
}
