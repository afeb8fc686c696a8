import Handover
import KernelABI
import SystemPackage

/// A memory image for a reader to find a handover in, as a core that is not in a file.
struct InMemory {
    let core: ELFCore
    let rootAddress: PhysicalAddress

    init(_ image: HandoverImage) throws {
        try self.init(image, memory: image.memory)
    }

    /// - Parameter memory: The memory that contains the image, and more.
    init(_ image: HandoverImage, memory: some PhysicalMemory) throws {
        let bytes = try ELFCoreWriter(machine: .x86_64, pageSize: image.state.pageSize?.bytes).bytes(of: memory)
        core = try ELFCore(file: MappedFile(bytes: bytes, name: "memory"))
        rootAddress = image.rootAddress ?? PhysicalAddress(0)
    }

    func read() throws -> Reading {
        let reading = try HandoverReader(memory: core, pageSize: .kib4).read(rootAt: rootAddress)
        guard reading.findings.isEmpty else { throw UnsoundInput() }
        return reading
    }
}

/// An input that should be valid is not.
struct UnsoundInput: Error {}
