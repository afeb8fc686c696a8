import Handover
import KernelABI
import SystemPackage

/// QEMU's PC, with a bzImage.
struct X86Guest: GuestMachine {
    static let machine = Machine.x86_64
    static let emulator = "qemu-system-x86_64"
    static let package = "qemu-system-x86"
    static let arguments = ["-machine", "pc,memory-backend=ram,max-ram-below-4g=3G", "-cpu", "max", "-vga", "none"]
    static let console = "console=ttyS0 earlyprintk=ttyS0 nokaslr"

    let pageSize = PageSize.kib4
    let release: String?
    private let file: MappedFile
    private let header: SetupHeader

    /// The fields of `struct setup_header` that are used here. Offsets are the same in the file and in `boot_params`.
    ///
    /// Documentation/arch/x86/boot.rst
    private struct SetupHeader {
        static let magic: [UInt8] = Array("HdrS".utf8)
        static let magicOffset = 0x202
        static let start = 0x1f1
        static let end = 0x280
        static let loaderType = 0x210
        static let initrd = 0x218
        static let commandLine = 0x228
        static let setupData = 0x250

        /// The offset of the part of the file that is loaded.
        let kernelOffset: Int
        let versionOffset: Int
        let alignment: UInt64
        let preferredAddress: UInt64
        let initialSize: UInt64

        init?(_ bytes: RawSpan) {
            guard bytes.extracting(Self.magicOffset..<Self.magicOffset + 4).isEqual(to: Self.magic.span.bytes) else {
                return nil
            }
            let sectors = Int(bytes.littleEndian(at: Self.start, as: UInt8.self))
            kernelOffset = ((sectors == 0 ? 4 : sectors) + 1) * 512
            versionOffset = Int(bytes.littleEndian(at: 0x20e, as: UInt16.self)) + 0x200
            alignment = UInt64(bytes.littleEndian(at: 0x230, as: UInt32.self))
            preferredAddress = bytes.littleEndian(at: 0x258)
            initialSize = UInt64(bytes.littleEndian(at: 0x260, as: UInt32.self))
        }
    }

    init?(kernel file: MappedFile) throws(BootError) {
        guard let header = try? file.withBytes(at: 0, count: SetupHeader.end, SetupHeader.init) ?? nil else {
            return nil
        }
        guard header.initialSize > 0, header.alignment > 0, UInt64(header.kernelOffset) < file.count else {
            throw .unsuitableKernel(file.path, "a bzImage with a boot protocol before 2.10, or a truncated one")
        }
        self.file = file
        self.header = header
        let text = try? file.withBytes(at: UInt64(header.versionOffset), count: 64) { bytes in
            String(decoding: (0..<64).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }, as: UTF8.self)
        }
        release = text?.split(whereSeparator: { $0 == " " || $0 == "\0" }).first.map(String.init)
    }

    /// The start of the memory above the devices' addresses.
    private static let highMemory: UInt64 = 4 << 30
    private static let mostLowMemory: UInt64 = 3 << 30
    private static let conventionalMemory: UInt64 = 640 << 10
    private static let extendedMemory: UInt64 = 1 << 20

    static let reserved = MemoryUse(
        range: PhysicalAddress(0)..<PhysicalAddress(extendedMemory), purpose: "a PC's devices and firmware")

    func banks(memory: UInt64) -> [Range<PhysicalAddress>] {
        let low = min(memory, Self.mostLowMemory)
        let banks = [PhysicalAddress(0)..<PhysicalAddress(low)]
        guard memory > low else { return banks }
        return banks + [PhysicalAddress(Self.highMemory)..<PhysicalAddress(Self.highMemory + memory - low)]
    }

    /// The kernel is decompressed in place, unless it is loaded below its preferred address.
    var room: (size: UInt64, alignment: UInt64, from: PhysicalAddress) {
        (header.initialSize, header.alignment, PhysicalAddress(header.preferredAddress))
    }

    /// Offsets from the beginning of the plan's pointers; the array of scratch areas is at 0.
    private enum Place {
        static let setupData: UInt64 = 0x1000
        static let bootParameters: UInt64 = 0x2000
        static let commandLine: UInt64 = 0x3000
        static let end: UInt64 = 0x5000
    }

    /// Writes a `setup_data` node that refers to the handover, and `boot_params` with that node, the initrd and the
    /// parameters. A few instructions that jump to the kernel replace the firmware: only the image, and what was placed
    /// beside it, is in memory.
    func load(
        _ plan: BootPlan, commandLine: String, into memory: GuestMemory, directory: FilePath
    ) async throws(BootError) -> [String] {
        let base = plan.pointers.lowerBound.rawValue
        func address(_ place: UInt64) -> PhysicalAddress { PhysicalAddress(base + place) }
        guard plan.pointers.upperBound.rawValue <= UInt64(UInt32.max),
            plan.initrd.upperBound.rawValue <= UInt64(UInt32.max),
            plan.kernel.upperBound.rawValue <= UInt64(UInt32.max),
            commandLine.utf8.count < Place.end - Place.commandLine
        else { throw .noRoom(for: "the kernel, its initrd and its parameters below 4 GiB", memory: plan.memorySize) }
        try memory.write(plan.scratchArray, at: address(0))
        try memory.write(setupData(plan, scratchArray: address(0)), at: address(Place.setupData))
        try memory.write(Array(commandLine.utf8) + [0], at: address(Place.commandLine))

        let kernel = try file.contents()
        try memory.write(Array(kernel[header.kernelOffset...]), at: plan.kernel.lowerBound)
        var parameters = Parameters(header: kernel[SetupHeader.start..<min(SetupHeader.end, kernel.count)])
        parameters.set(UInt8(0xff), at: SetupHeader.loaderType)
        parameters.set(UInt32(truncatingIfNeeded: plan.initrd.lowerBound.rawValue), at: SetupHeader.initrd)
        parameters.set(UInt32(truncatingIfNeeded: plan.initrdSize), at: SetupHeader.initrd + 4)
        parameters.set(UInt32(truncatingIfNeeded: base + Place.commandLine), at: SetupHeader.commandLine)
        parameters.set(base + Place.setupData, at: SetupHeader.setupData)
        let low = plan.banks[0].upperBound.rawValue
        parameters.addMemory(0..<Self.conventionalMemory)
        parameters.addMemory(Self.extendedMemory..<low)
        for bank in plan.banks.dropFirst() { parameters.addMemory(bank.lowerBound.rawValue..<bank.upperBound.rawValue) }
        try memory.write(parameters.bytes, at: address(Place.bootParameters))

        let firmware = directory.appending("firmware")
        let entry = Firmware(
            kernel: UInt32(truncatingIfNeeded: plan.kernel.lowerBound.rawValue),
            parameters: UInt32(truncatingIfNeeded: base + Place.bootParameters))
        try GuestMemory.write(entry.bytes, to: firmware)
        return ["-bios", firmware.string]
    }

    private func setupData(_ plan: BootPlan, scratchArray: PhysicalAddress) -> [UInt8] {
        let node = SetupDataLayout.layout
        let pointer = HandoverPointerLayout.layout
        let base = node.structure.size
        var bytes = [UInt8](repeating: 0, count: base + pointer.structure.size)
        node.type.write(SetupDataLayout.kexecHandoverType, to: &bytes)
        node.length.write(UInt32(pointer.structure.size), to: &bytes)
        pointer.fdtAddress.write(plan.root, to: &bytes, at: base)
        pointer.fdtSize.write(UInt64(plan.pageSize.bytes), to: &bytes, at: base)
        pointer.scratchAddress.write(scratchArray, to: &bytes, at: base)
        pointer.scratchSize.write(UInt64(plan.scratchArray.count), to: &bytes, at: base)
        return bytes
    }

    /// `struct boot_params`, the page passed to an x86 kernel by its boot loader.
    private struct Parameters {
        private(set) var bytes = [UInt8](repeating: 0, count: 4096)

        private static let memoryCount = 0x1e8
        private static let memoryTable = 0x2d0
        private static let usable: UInt32 = 1

        init(header: ArraySlice<UInt8>) {
            bytes.replaceSubrange(SetupHeader.start..<SetupHeader.start + header.count, with: header)
        }

        mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
            withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
        }

        /// Adds a range of memory that the kernel may use.
        mutating func addMemory(_ range: Range<UInt64>) {
            let entry = Self.memoryTable + 20 * Int(bytes[Self.memoryCount])
            set(range.lowerBound, at: entry)
            set(UInt64(range.count), at: entry + 8)
            set(Self.usable, at: entry + 16)
            bytes[Self.memoryCount] += 1
        }
    }

    /// The last 64 KiB below 4 GiB, in which a PC starts: switches to protected mode, and jumps to the kernel's 32-bit
    /// entry.
    private struct Firmware {
        let bytes: [UInt8]

        private static let size = 64 << 10
        /// The address of the segment's last 64 KiB.
        private static let base = UInt32.max - UInt32(size) + 1
        private static let start = 0xf000
        private static let protected = 0xf040
        private static let descriptors = 0xf080
        private static let pointer = 0xf0a0
        private static let reset = 0xfff0

        init(kernel: UInt32, parameters: UInt32) {
            var rom = [UInt8](repeating: 0xf4, count: Self.size)
            func put(_ code: [UInt8], at offset: Int) {
                rom.replaceSubrange(offset..<offset + code.count, with: code)
            }
            func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
            func address(_ offset: Int) -> [UInt8] { word(Self.base + UInt32(offset)) }
            let jump = UInt16(truncatingIfNeeded: Self.start - Self.reset - 3)
            put([0xe9, UInt8(truncatingIfNeeded: jump), UInt8(jump >> 8)], at: Self.reset)  // jmp start
            put(
                [
                    0xfa,  // cli
                    // lgdtl %cs:pointer
                    0x2e, 0x66, 0x0f, 0x01, 0x16, UInt8(Self.pointer & 0xff), UInt8(Self.pointer >> 8),
                    0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0,  // mov %cr0, %eax; or $1, %al; mov %eax, %cr0
                    0x66, 0xea,  // ljmpl $0x10, $protected
                ] + address(Self.protected) + [0x10, 0x00], at: Self.start)
            put(
                [0xb8, 0x18, 0, 0, 0]  // mov $0x18, %eax
                    + [0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0x8e, 0xe0, 0x8e, 0xe8]  // mov %eax, %ds, %es, %ss, %fs, %gs
                    + [0xbe] + word(parameters)  // mov $parameters, %esi
                    + [0x31, 0xdb, 0x31, 0xff, 0x31, 0xed]  // xor %ebx, %ebx; xor %edi, %edi; xor %ebp, %ebp
                    + [0xb8] + word(kernel) + [0xff, 0xe0],  // mov $kernel, %eax; jmp *%eax
                at: Self.protected)
            let flat: [UInt8] = [0xff, 0xff, 0, 0, 0]
            put(
                [UInt8](repeating: 0, count: 16) + flat + [0x9b, 0xcf, 0] + flat + [0x93, 0xcf, 0], at: Self.descriptors
            )
            put([0x1f, 0] + address(Self.descriptors), at: Self.pointer)
            bytes = rom
        }
    }
}
