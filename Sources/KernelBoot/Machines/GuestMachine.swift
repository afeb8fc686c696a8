import Handover
import KernelABI
import SystemPackage

/// A kind of machine that QEMU emulates, with a kernel for it: where its memory is, where the kernel is loaded, and how
/// the kernel learns about a handover.
///
/// Each machine has one file under `Machines/` and is listed in ``GuestMachines/all``.
protocol GuestMachine: Sendable {
    static var machine: Machine { get }

    /// The command that emulates the machine.
    static var emulator: String { get }
    /// The Debian package that contains the command.
    static var package: String { get }
    /// The QEMU arguments common to all guests; the memory is the object named `ram`.
    static var arguments: [String] { get }
    /// The kernel parameters for the console, including the early console.
    static var console: String { get }

    /// Reads a kernel file for this machine; `nil` if it is not one.
    ///
    /// - Throws: ``BootError/unsuitableKernel(_:_:)`` if it is a kernel that cannot be started.
    init?(kernel: MappedFile) throws(BootError)

    var pageSize: PageSize { get }
    /// The release, if the file states it.
    var release: String? { get }

    /// The address ranges of a machine with `memory` bytes of memory, ascending, which is their order in QEMU's file.
    func banks(memory: UInt64) -> [Range<PhysicalAddress>]

    /// Memory in which nothing can be placed.
    static var reserved: MemoryUse { get }

    /// The memory that the kernel needs until it has started.
    var room: (size: UInt64, alignment: UInt64, from: PhysicalAddress) { get }

    /// Writes the kernel, and the structures that tell it about the handover, its initrd and its parameters, to guest
    /// memory.
    ///
    /// - Parameter directory: For temporary files.
    /// - Returns: QEMU arguments that start the guest's processor there.
    func load(
        _ plan: BootPlan, commandLine: String, into memory: GuestMemory, directory: FilePath
    ) async throws(BootError) -> [String]
}

extension MappedFile {
    /// Opens a file that the boot needs.
    ///
    /// - Parameter missing: what to throw if there is no such file.
    static func opening(_ path: FilePath, missing: BootError? = nil) throws(BootError) -> MappedFile {
        do throws(FileError) {
            return try MappedFile(path: path)
        } catch {
            if let missing, case .cannotOpen(_, .noSuchFileOrDirectory) = error { throw missing }
            throw .file("\(error)")
        }
    }

    /// All bytes of the file.
    func contents() throws(BootError) -> [UInt8] {
        do throws(FileError) {
            return try withBytes(at: 0, count: Int(count)) { [UInt8](copying: $0) }
        } catch {
            throw .file("\(error)")
        }
    }

    static func contents(of path: FilePath, missing: BootError? = nil) throws(BootError) -> [UInt8] {
        try opening(path, missing: missing).contents()
    }
}

/// A range of memory and its purpose.
struct MemoryUse: Hashable, Sendable {
    var range: Range<PhysicalAddress>
    var purpose: String
}

/// All kinds of machines.
enum GuestMachines {
    static let all: [any GuestMachine.Type] = [X86Guest.self, ARM64Guest.self]

    /// The machine that a kernel file is for.
    static func machine(for kernel: FilePath) throws(BootError) -> any GuestMachine {
        let file = try MappedFile.opening(kernel)
        for type in all {
            if let machine = try type.init(kernel: file) { return machine }
        }
        throw .unsuitableKernel(
            kernel, "neither a bzImage (x86_64) nor an Image (arm64); decompress it first if it is compressed")
    }
}
