import FDT
import KernelABI

/// A handover as one FDT: every piece of its memory is a node, so it can be edited with `dtc`, `fdtget` and `git diff`.
///
///     / {
///         compatible = "luo-fdt,bundle-v1";
///         kernel = "7.2";
///         machine = "x86_64";
///         page-size = <4096>;
///         root-address = <0x0 0x10000000>;
///         left-out = <0x0 0x10005000 0x0 0x1000>;
///         #address-cells = <2>;
///         #size-cells = <2>;
///         memory {
///             sessions@10004000 {
///                 reg = <0x0 0x10004000 0x0 0x1000>;
///                 role = "sessions";
///                 owner = "LUO, block 1";
///                 data = [00 00 …];
///             };
///         };
///     };
///
/// `left-out` lists what the input of `collect` lacked, if anything. Nodes are sorted by address and named after their
/// roles. `data` omits trailing zeros, and is absent if everything is zero. Numbers are big-endian cells, as usual in
/// device trees; the handover's own FDTs are in `data`, unchanged.
public enum Bundle {
    static let compatible = "luo-fdt,bundle-v1"

    /// The maximum total memory of a bundle's nodes: zeros take no space, and could be endless.
    static let memoryLimit: UInt64 = 1 << 36

    /// Whether a tree is a bundle.
    public static func isBundle(_ tree: FlattenedTree) -> Bool {
        tree.root.isCompatible(with: compatible)
    }

    // MARK: - Writing

    /// Creates the bundle of a handover.
    ///
    /// - Throws: ``BundleError`` if the result exceeds the maximum size of an FDT, 2 GiB, or memory cannot be read.
    public static func tree(of capture: Capture) throws(BundleError) -> FlattenedTree {
        let pieces = pieces(of: capture)
        var total: UInt64 = 0
        for piece in pieces where total <= memoryLimit { total += UInt64(piece.extent.byteCount) }
        guard total <= memoryLimit else { throw .tooLarge }
        var writer = try rethrow(begin(capture), as: BundleError.tree)
        var room = Int(Int32.max)
        for (name, extent) in pieces {
            let data = try data(of: extent.range, in: capture.memory, atMost: room)
            room -= data.count
            try rethrow(add(extent, called: name, data, to: &writer), as: BundleError.tree)
        }
        do throws(FDTError) {
            try writer.endNode()
            try writer.endNode()
            return try writer.finish()
        } catch {
            throw .tree(error)
        }
    }

    /// Writes everything before the first piece of memory.
    private static func begin(_ capture: Capture) throws(FDTError) -> SequentialWriter {
        var writer = try SequentialWriter(growing: 1 << 16)
        try writer.finishReservations()
        try writer.beginNode("")
        try writer.property("compatible", string: compatible)
        if let kernel = capture.state.kernel { try writer.property("kernel", string: kernel) }
        if let machine = capture.state.machine { try writer.property("machine", string: machine.rawValue) }
        if let size = capture.state.pageSize { try writer.property("page-size", u32: UInt32(size.bytes)) }
        if let root = capture.rootAddress { try writer.property("root-address", u64: root.rawValue) }
        if !capture.memory.leftOut.isEmpty {
            try writer.property(
                "left-out",
                cells: capture.memory.leftOut.flatMap {
                    cells($0.lowerBound, $0.upperBound.rawValue - $0.lowerBound.rawValue)
                })
        }
        try writer.property("#address-cells", u32: 2)
        try writer.property("#size-cells", u32: 2)
        try writer.beginNode("memory")
        return writer
    }

    private static func cells(_ address: PhysicalAddress, _ size: UInt64) -> [UInt32] {
        [address.rawValue, size].flatMap { [UInt32($0 >> 32), UInt32(truncatingIfNeeded: $0)] }
    }

    private static func add(
        _ extent: Extent, called name: String, _ data: [UInt8], to writer: inout SequentialWriter
    ) throws(FDTError) {
        try writer.beginNode(name)
        try writer.property("reg", cells: cells(extent.address, UInt64(extent.byteCount)))
        try writer.property("role", string: extent.role.name)
        try writer.property("owner", string: extent.owner.description.filter { $0 != "\0" })
        if !data.isEmpty { try writer.property("data", bytes: data) }
        try writer.endNode()
    }

    /// The available memory of the extents, by address, each with its node name; if several have the same name, only
    /// the first.
    private static func pieces(of capture: Capture) -> [(name: String, extent: Extent)] {
        let regions = capture.memory.regions
        var names: Set<String> = []
        return capture.extents.sorted { ($0.address, $0.role.name) < ($1.address, $1.role.name) }.flatMap { extent in
            extent.range.pieces(in: regions).compactMap { range in
                let name = "\(extent.role.name)@\(String(range.lowerBound.rawValue, radix: 16))"
                guard names.insert(name).inserted else { return nil }
                var piece = extent
                piece.address = range.lowerBound
                piece.byteCount = Int(range.upperBound.rawValue - range.lowerBound.rawValue)
                return (name, piece)
            }
        }
    }

    /// The bytes of a range without trailing zeros.
    private static func data(
        of range: Range<PhysicalAddress>, in memory: any PhysicalMemory, atMost room: Int
    ) throws(BundleError) -> [UInt8] {
        var data: [UInt8] = []
        for portion in range.portions(of: 1 << 20) {
            let start = Int(portion.lowerBound.rawValue - range.lowerBound.rawValue)
            let fits = try rethrow(
                memory.withBytes(
                    at: portion.lowerBound, count: Int(portion.upperBound.rawValue - portion.lowerBound.rawValue)
                ) { bytes in
                    let count = bytes.countWithoutTrailingZeros
                    if count == 0 { return true }
                    if start + count > room { return false }
                    data.append(contentsOf: repeatElement(0, count: start - data.count))
                    data.append(copying: bytes.extracting(first: count))
                    return true
                }, as: BundleError.memory)
            if !fits { throw .tooLarge }
        }
        return data
    }

    // MARK: - Reading

    /// The contents of a bundle.
    public struct Contents: Sendable {
        public let memory: SparseMemory
        public let rootAddress: PhysicalAddress?
        /// The kernel's generation, as stated in the bundle.
        public let kernel: String?
    }

    /// Reads a bundle.
    public static func read(_ tree: FlattenedTree) throws(BundleError) -> Contents {
        let root = tree.root
        guard isBundle(tree) else { throw .malformed("/: compatible is not \(compatible)") }
        let stated = root.property("page-size")
        let pageSize = stated?.u32(.bigEndian).flatMap { PageSize(rawValue: Int($0)) }
        guard stated == nil || pageSize != nil else {
            throw .malformed("/: page-size is not 4096, 16384 or 65536")
        }
        var memory = SparseMemory(pageSize: (pageSize ?? .kib4).bytes)
        memory.statedPageSize = pageSize?.bytes
        memory.statedMachine = root.property("machine")?.string.flatMap(Machine.init(rawValue:))
        let leftOut = (root.property("left-out")?.cells ?? []).map(UInt64.init)
        memory.leftOut = stride(from: 0, to: leftOut.count - 3, by: 4).compactMap { index in
            let start = PhysicalAddress(leftOut[index] << 32 | leftOut[index + 1])
            return start.advanced(by: leftOut[index + 2] << 32 | leftOut[index + 3]).map { start..<$0 }
        }
        guard let nodes = root.subnode(named: "memory") else { throw .malformed("/: no node memory") }
        var total: UInt64 = 0
        for node in nodes.children {
            let path = "/memory/\(ImageText(node.name).bare)"
            guard let reg = node.property("reg")?.cells, reg.count == 4 else {
                throw .malformed("\(path): reg is not two cells of address and two of size")
            }
            let address = PhysicalAddress(UInt64(reg[0]) << 32 | UInt64(reg[1]))
            let size = UInt64(reg[2]) << 32 | UInt64(reg[3])
            let data = node.property("data")?.bytes ?? []
            guard let end = address.advanced(by: size), UInt64(data.count) <= size else {
                throw .malformed("\(path): reg does not contain data, or exceeds the address space")
            }
            total &+= size
            guard size <= memoryLimit, total <= memoryLimit else {
                throw .malformed("\(path): more than \(memoryLimit >> 30) GiB of memory in all")
            }
            memory.allocate(address..<end)
            try rethrow(memory.write(data, at: address)) { (_: MemoryError) in
                BundleError.malformed("\(path): reg exceeds the address space")
            }
        }
        return Contents(
            memory: memory,
            rootAddress: root.property("root-address")?.u64(.bigEndian).map(PhysicalAddress.init(_:)),
            kernel: root.property("kernel")?.string)
    }
}

/// The reason why a bundle could not be created or read.
public enum BundleError: Error, Hashable, Sendable {
    case tree(FDTError)
    /// Memory of the handover cannot be read.
    case memory(MemoryError)
    /// The memory exceeds what an FDT can hold, or what readers accept.
    case tooLarge
    /// The FDT is not a valid bundle: what is wrong, and where.
    case malformed(String)
}

extension BundleError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tree(let error): "bundle: \(error)"
        case .memory(let error): "bundle: \(error)"
        case .tooLarge: "bundle: an FDT cannot hold that much; write an ELF core"
        case .malformed(let problem): "bundle: \(problem)"
        }
    }
}
