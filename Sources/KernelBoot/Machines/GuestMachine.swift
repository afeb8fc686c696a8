import Handover
import KernelABI
import SystemPackage

/// A kind of machine that QEMU emulates, with a kernel for it: where its memory is, where the kernel lies in it, and
/// how the kernel is told of a handover.
///
/// A machine is one file under `Machines/`, listed in ``GuestMachines/all``.
protocol GuestMachine: Sendable {
    static var machine: Machine { get }

    /// The command that emulates the machine.
    static var emulator: String { get }
    /// Debian's package that has the command.
    static var package: String { get }
    /// The command's arguments that do not depend on the guest; the memory is its object `ram`.
    static var arguments: [String] { get }
    /// The kernel's parameters for the console, also before there is one.
    static var console: String { get }

    /// Takes a file for a kernel of this machine; `nil` if it is none.
    ///
    /// - Throws: ``BootError/unsuitableKernel(_:_:)`` if it is one that cannot be started.
    init?(kernel: MappedFile) throws(BootError)

    var pageSize: PageSize { get }
    /// The release, if the file says it.
    var release: String? { get }

    /// Where a machine with `memory` bytes of memory has them, ascending: the order that QEMU's file has them in.
    func banks(memory: UInt64) -> [Range<PhysicalAddress>]

    /// Memory in which nothing can be placed.
    static var reserved: MemoryUse { get }

    /// The room that the kernel needs until it has started.
    var room: (size: UInt64, alignment: UInt64, from: PhysicalAddress) { get }

    /// Writes the kernel, and what tells it of the handover, its initrd and its parameters, to the guest's memory.
    ///
    /// - Parameter directory: for files.
    /// - Returns: QEMU's arguments that make the guest's processor begin there.
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

/// A range of memory, and what it is for.
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
            kernel, "neither a bzImage (x86_64) nor an Image (arm64; if it is compressed, gunzip it)")
    }
}
