import FDT
import Handover
import KernelABI
import SystemPackage

/// QEMU's `virt` machine, and an arm64 Image.
struct ARM64Guest: GuestMachine {
    static let machine = Machine.aarch64
    static let emulator = "qemu-system-aarch64"
    static let package = "qemu-system-arm"
    static let arguments = ["-machine", Self.model + ",memory-backend=ram", "-cpu", Self.processor]
    static let console = "console=ttyAMA0 earlycon nokaslr"

    private static let model = "virt"
    private static let processor = "max,pauth-impdef=on"

    let pageSize: PageSize
    /// An Image does not state it.
    var release: String? { nil }
    private let file: MappedFile
    private let header: ImageHeader

    /// The kernel's own header: Documentation/arch/arm64/booting.rst.
    private struct ImageHeader {
        static let magic: UInt32 = 0x644d_5241
        static let size = 64

        let textOffset: UInt64
        let imageSize: UInt64
        let pageSize: PageSize

        init?(_ bytes: RawSpan) {
            guard bytes.littleEndian(at: 56, as: UInt32.self) == Self.magic else { return nil }
            textOffset = bytes.littleEndian(at: 8)
            imageSize = bytes.littleEndian(at: 16)
            let sizes: [PageSize] = [.kib4, .kib4, .kib16, .kib64]
            pageSize = sizes[Int(bytes.littleEndian(at: 24, as: UInt64.self) >> 1 & 3)]
        }
    }

    init?(kernel file: MappedFile) throws(BootError) {
        guard let header = try? file.withBytes(at: 0, count: ImageHeader.size, ImageHeader.init) ?? nil else {
            return nil
        }
        self.file = file
        self.header = header
        pageSize = header.pageSize
    }

    /// The start of memory.
    private static let base: UInt64 = 0x4000_0000

    static let reserved = MemoryUse(
        range: PhysicalAddress(base)..<PhysicalAddress(base + (2 << 20)), purpose: "QEMU's device tree")

    func banks(memory: UInt64) -> [Range<PhysicalAddress>] {
        [PhysicalAddress(Self.base)..<PhysicalAddress(Self.base + memory)]
    }

    private static let kernelAlignment: UInt64 = 2 << 20

    var room: (size: UInt64, alignment: UInt64, from: PhysicalAddress) {
        (header.textOffset + header.imageSize, Self.kernelAlignment, PhysicalAddress(Self.base))
    }

    /// Offsets from the beginning of the plan's pointers; the array of scratch areas is at 0.
    private enum Place {
        static let entry: UInt64 = 0x1000
        static let tree: UInt64 = 0x10000
    }

    /// Writes QEMU's own device tree, with the handover, the initrd and the parameters in `/chosen`, and a few
    /// instructions that jump to the kernel.
    func load(
        _ plan: BootPlan, commandLine: String, into memory: GuestMemory, directory: FilePath
    ) async throws(BootError) -> [String] {
        let base = plan.pointers.lowerBound.rawValue
        let scratch = plan.scratchArray
        let kernel = PhysicalAddress(plan.kernel.lowerBound.rawValue + header.textOffset)
        try memory.write(scratch, at: plan.pointers.lowerBound)
        try memory.write(try file.contents(), at: kernel)

        let path = directory.appending("devicetree")
        try await Emulator(Self.self).run([
            "-machine", "\(Self.model),dumpdtb=\(path)", "-cpu", Self.processor, "-m", "\(plan.memorySize >> 20)",
        ])
        let initrdEnd = plan.initrd.lowerBound.rawValue + plan.initrdSize
        let properties: [(String, [UInt8])] = [
            ("linux,kho-fdt", Self.cells(plan.root.rawValue, UInt64(plan.pageSize.bytes))),
            ("linux,kho-scratch", Self.cells(base, UInt64(scratch.count))),
            ("linux,initrd-start", Self.cells(plan.initrd.lowerBound.rawValue)),
            ("linux,initrd-end", Self.cells(initrdEnd)),
            ("bootargs", Array(commandLine.utf8) + [0]),
        ]
        let tree: FlattenedTree
        do {
            let original = try FlattenedTree(try MappedFile.contents(of: path))
            var editor = try TreeEditor(opening: original, capacity: original.totalSize + commandLine.utf8.count + 4096)
            for (name, bytes) in properties { try editor.setProperty(name, of: "/chosen", bytes: bytes) }
            tree = try editor.pack()
        } catch {
            throw .file("the device tree of \(Self.emulator): \(error)")
        }
        guard UInt64(tree.totalSize) <= plan.pointers.byteCount - Place.tree else {
            throw .noRoom(for: "the device tree", memory: plan.memorySize)
        }
        try memory.write(tree.bytes, at: PhysicalAddress(base + Place.tree))
        let entry = PhysicalAddress(base + Place.entry)
        try memory.write(Self.entry(tree: base + Place.tree, kernel: kernel.rawValue), at: entry)
        return ["-device", "loader,addr=\(entry),cpu-num=0"]
    }

    /// `ldr x0, tree; mov x1 to x3, xzr; ldr x4, kernel; br x4`, followed by the two addresses.
    private static func entry(tree: UInt64, kernel: UInt64) -> [UInt8] {
        let code: [UInt32] = [0x5800_00c0, 0xaa1f_03e1, 0xaa1f_03e2, 0xaa1f_03e3, 0x5800_0084, 0xd61f_0080]
        return code.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            + [tree, kernel].flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    }

    /// Values of two cells each, big-endian as in any device tree.
    private static func cells(_ values: UInt64...) -> [UInt8] {
        values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) } }
    }
}
