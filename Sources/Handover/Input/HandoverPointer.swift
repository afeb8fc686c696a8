import KernelABI
import SystemPackage

/// The pointer to a handover that an x86 kernel is booted with: the payload of its `SETUP_KEXEC_KHO` node.
enum HandoverPointer {
    /// The root's address in a file that holds a `kho_data`, as `/sys/kernel/boot_params/setup_data/N/data` does.
    static func rootAddress(inPayloadAt path: FilePath) throws(InputError) -> PhysicalAddress {
        let layout = HandoverPointerLayout.layout
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = InputSource.bytes(of: try MappedFile(path: path), limit: layout.structure.size + 1)
        } catch {
            throw .file(error)
        }
        guard bytes.count == layout.structure.size else {
            let found = bytes.count > layout.structure.size ? "more than \(layout.structure.size)" : "\(bytes.count)"
            throw .unreadable(
                path: path, kind: layout.structure.name,
                reason: "found \(found) bytes, expected \(layout.structure.size)")
        }
        return layout.fdtAddress.read(bytes.span.bytes)
    }
}
