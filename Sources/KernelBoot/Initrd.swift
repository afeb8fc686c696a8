import Handover
import KernelABI
import SystemPackage

/// A kernel's initial file system: a cpio archive in the `newc` format.
///
/// Documentation/driver-api/early-userspace/buffer-format.rst
struct Initrd {
    private(set) var bytes: [UInt8] = []
    private var files = 0

    private static let directory = 0o040755
    private static let regularFile = 0o100755

    /// An archive with an init that follows the orders, and with the kernel for a kexec if there is one.
    static func archive(with initProgram: FilePath, _ orders: String, kernel: FilePath?) throws(BootError) -> [UInt8] {
        var archive = Initrd()
        archive.add("dev", mode: directory, [])
        archive.add("proc", mode: directory, [])
        archive.add(
            "init", mode: regularFile, try MappedFile.contents(of: initProgram, missing: .initMissing(initProgram)))
        archive.add("orders", mode: regularFile, Array(orders.utf8))
        if let kernel {
            archive.add("kernel", mode: regularFile, try MappedFile.contents(of: kernel))
        }
        archive.add("TRAILER!!!", mode: 0, [])
        return archive.bytes
    }

    private mutating func add(_ name: String, mode: Int, _ contents: [UInt8]) {
        files += 1
        let fields = [files, mode, 0, 0, 1, 0, contents.count, 0, 0, 0, 0, name.utf8.count + 1, 0]
        bytes += Array("070701".utf8)
        for field in fields {
            let digits = String(field, radix: 16)
            bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
        }
        bytes += Array(name.utf8) + [0]
        pad()
        bytes += contents
        pad()
    }

    private mutating func pad() {
        bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
}
