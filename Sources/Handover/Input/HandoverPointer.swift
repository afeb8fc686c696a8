import FDT
import KernelABI
import SystemPackage

/// What a kernel is told about the handover at boot: the address of the root FDT, and the array of scratch areas.
struct HandoverPointer: Hashable, Sendable {
    var root: PhysicalAddress
    /// The array of `kho_scratch`; `nil` if unknown.
    var scratch: Range<PhysicalAddress>?
    /// What a kernel requires in addition to the root but the boot data lacks: it then ignores the handover.
    var lacking: String?

    /// The properties of `/chosen` (arm64): an address and a size, of 64 bits each, big-endian.
    private static let rootProperty = "linux,kho-fdt"
    private static let scratchProperty = "linux,kho-scratch"
    /// Its replacement in kernels since 7.4.
    private static let bootMemoryProperty = "linux,kho-bootmem"

    /// Reads boot data in any of its forms:
    ///
    /// - a `kho_data` (x86), as in `/sys/kernel/boot_params/setup_data/N/data`;
    /// - a device tree with `/chosen` (arm64), as in `/sys/firmware/fdt`;
    /// - a directory with the properties of `/chosen` as files, as in `/sys/firmware/devicetree/base/chosen`, or the
    ///   file `linux,kho-fdt` in it.
    init(path: FilePath) throws(InputError) {
        if Directory.holds(path.appending(Self.rootProperty)) {
            try self.init(properties: path)
            return
        }
        let layout = HandoverPointerLayout.layout
        let entries = Directory.entries(of: path)
        if !entries.isEmpty {
            // Copies of setup_data, or of one of its entries.
            let files = (["data"] + entries.map { "\($0)/data" }).lazy.map { path.appending($0) }
            let size = layout.structure.size
            let data = files.compactMap { try? MappedFile(path: $0) }.first { $0.count == UInt64(size) }
            guard let data else {
                throw .unreadable(
                    path: path, kind: "boot data",
                    reason: "it contains neither \(Self.rootProperty) nor data of \(size) bytes")
            }
            try self.init(bytes: InputSource.bytes(of: data, limit: InputSource.blobLimit), data.path)
            return
        }
        let file = try rethrow(MappedFile(path: path), as: InputError.file)
        try self.init(bytes: InputSource.bytes(of: file, limit: InputSource.blobLimit), path)
    }

    private init(bytes: [UInt8], _ path: FilePath) throws(InputError) {
        let layout = HandoverPointerLayout.layout
        let span = bytes.span.bytes
        if let header = Header(span), header.magic == Header.magic {
            try self.init(tree: bytes, path)
        } else if path.lastComponent?.string == Self.rootProperty {
            try self.init(properties: path.removingLastComponent())
        } else if bytes.count == layout.structure.size {
            self.init(
                root: layout.fdtAddress.read(span),
                scratch: Self.range(layout.scratchAddress.read(span), layout.scratchSize.read(span)))
        } else {
            let size = layout.structure.size
            throw .unreadable(
                path: path, kind: "boot data",
                reason: "found \(bytes.count > size ? "more than \(size)" : "\(bytes.count)") bytes, expected a "
                    + "\(layout.structure.name) of \(size), a device tree, or \(Self.rootProperty)")
        }
    }

    private init(root: PhysicalAddress, scratch: Range<PhysicalAddress>?) {
        self.root = root
        self.scratch = scratch
    }

    private init(tree bytes: [UInt8], _ path: FilePath) throws(InputError) {
        let chosen = try rethrow(FlattenedTree(bytes).root.subnode(named: "chosen")) { (error: FDTError) in
            InputError.unreadable(path: path, kind: "device tree", reason: "\(error)")
        }
        try self.init(path) { chosen?.property($0)?.bytes }
    }

    private init(properties directory: FilePath) throws(InputError) {
        try self.init(directory) { name in
            (try? MappedFile(path: directory.appending(name))).map { InputSource.bytes(of: $0, limit: 17) }
        }
    }

    private init(_ path: FilePath, property: (String) -> [UInt8]?) throws(InputError) {
        func range(_ name: String) -> Range<PhysicalAddress>? {
            guard let bytes = property(name), bytes.count == 16 else { return nil }
            let span = bytes.span.bytes
            return Self.range(
                PhysicalAddress(span.littleEndian(at: 0, as: UInt64.self).byteSwapped),
                span.littleEndian(at: 8, as: UInt64.self).byteSwapped)
        }
        guard let root = range(Self.rootProperty) else {
            throw .unreadable(
                path: path, kind: "boot data",
                reason: "no \(Self.rootProperty) of two 64-bit cells in /chosen")
        }
        self.init(
            root: root.lowerBound,
            scratch: range(Self.scratchProperty) ?? range(Self.bootMemoryProperty))
        if scratch?.isEmpty ?? true { lacking = "\(Self.scratchProperty) in /chosen" }
    }

    private static func range(_ start: PhysicalAddress, _ count: UInt64) -> Range<PhysicalAddress>? {
        start.advanced(by: count).map { start..<$0 }
    }

    /// The scratch areas, as far as the array is available.
    func scratchAreas(in memory: any PhysicalMemory) -> [Range<PhysicalAddress>] {
        let layout = ScratchLayout.layout
        let size = layout.structure.size
        guard let scratch,
            let bytes = memory.copy(
                at: scratch.lowerBound,
                count: Int(min(scratch.upperBound.rawValue - scratch.lowerBound.rawValue, UInt64(PageSize.kib64.bytes)))
            )
        else { return [] }
        return stride(from: 0, through: bytes.count - size, by: size).compactMap { offset in
            let span = bytes.span.bytes
            return Self.range(layout.address.read(span, at: offset), layout.size.read(span, at: offset))
        }
    }
}
