/// `struct setup_data`: a node of the list passed to an x86 kernel by its boot loader.
public struct SetupDataLayout: KernelStructure {
    public let next: Field<PhysicalAddress>
    public let type: Field<UInt32>
    public let length: Field<UInt32>
    public let structure: StructureDescription

    public static let layout = SetupDataLayout()

    /// `SETUP_KEXEC_KHO`: the type of the node whose payload is a `kho_data`.
    public static let kexecHandoverType: UInt32 = 10

    private init() {
        var builder = StructureBuilder("setup_data", "A node of the boot loader's list (x86).")
        next = builder.address("next", of: "setup_data", "The next node; 0 ends the list.")
        type = builder.number("type", UInt32.self, .number, "What the payload is.")
        length = builder.number("len", UInt32.self, .byteCount, "The payload's size.")
        _ = builder.flexible("data", type: "u8", "The payload.")
        structure = builder.finish()
    }
}

/// `struct kho_data`: tells an x86 kernel the addresses of the root FDT and the scratch areas.
public struct HandoverPointerLayout: KernelStructure {
    public let fdtAddress: Field<PhysicalAddress>
    public let fdtSize: Field<UInt64>
    public let scratchAddress: Field<PhysicalAddress>
    public let scratchSize: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = HandoverPointerLayout()

    /// - Parameter bootMemory: See ``Generation/bootMemory``.
    init(bootMemory: String = "scratch") {
        var builder = StructureBuilder("kho_data", "The address of the handover (x86).")
        fdtAddress = builder.address("fdt_addr", of: "fdt", "The root FDT.")
        fdtSize = builder.number("fdt_size", UInt64.self, .byteCount, "The size of its memory.")
        scratchAddress = builder.address("\(bootMemory)_addr", of: "kho_scratch", "The array of scratch areas.")
        scratchSize = builder.number("\(bootMemory)_size", UInt64.self, .byteCount, "The size of that array.")
        structure = builder.finish()
    }
}

/// `struct kho_scratch`: memory that is never preserved, from which the next kernel boots.
public struct ScratchLayout: KernelStructure {
    public let address: Field<PhysicalAddress>
    public let size: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = ScratchLayout()

    private init() {
        var builder = StructureBuilder("kho_scratch", "An area of memory that is never preserved.")
        address = builder.address("addr", of: "page", "Where the area begins.")
        size = builder.number("size", UInt64.self, .byteCount, "Its size.")
        structure = builder.finish()
    }
}
