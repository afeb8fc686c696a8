import Handover
import KernelABI
import SystemPackage

/// A guest's memory: a file of the same size, mapped by QEMU.
///
/// Data written before QEMU starts is there when the guest starts. Once QEMU has exited, the file holds what the guest
/// left.
struct GuestMemory: Sendable {
    let path: FilePath
    /// The guest addresses of the bytes in the file, in file order.
    let banks: [Range<PhysicalAddress>]
    private let file: FileDescriptor

    /// Creates the file, which is sparse.
    init(at path: FilePath, banks: [Range<PhysicalAddress>]) throws(BootError) {
        self.path = path
        self.banks = banks
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
            let size = banks.reduce(0) { $0 + $1.byteCount }
            try file.resize(to: Int64(size))
        } catch {
            throw .file("\(path): \(error)")
        }
    }

    /// Writes bytes within one bank.
    func write(_ bytes: [UInt8], at address: PhysicalAddress) throws(BootError) {
        try write(bytes.span.bytes, at: address)
    }

    private func write(_ bytes: RawSpan, at address: PhysicalAddress) throws(BootError) {
        guard let end = address.advanced(by: UInt64(bytes.byteCount)), let offset = banks.offset(of: address..<end)
        else {
            throw .noMemory(address)
        }
        do throws(Errno) {
            try file.writeAll(bytes, at: Int64(offset))
        } catch {
            throw .file("\(path): \(error)")
        }
    }

    /// The chunk size for copying, in bytes.
    private static let portion: UInt64 = 1 << 20

    /// Writes everything that another memory holds, as far as it is in a bank.
    func write(_ memory: any PhysicalMemory) throws(BootError) {
        for extent in intersect(memory.storedExtents, banks) {
            var address = extent.lowerBound
            while address < extent.upperBound {
                let count = min(Self.portion, extent.upperBound.rawValue - address.rawValue)
                let written: Result<Void, BootError>
                do throws(MemoryError) {
                    written = try memory.withBytes(at: address, count: Int(count)) { bytes in
                        Result { () throws(BootError) in try write(bytes, at: address) }
                    }
                } catch {
                    throw .image("\(error)")
                }
                try written.get()
                address = PhysicalAddress(address.rawValue + count)
            }
        }
    }

    func close() {
        try? file.close()
    }

    /// Writes a new file.
    static func write(_ bytes: [UInt8], to path: FilePath) throws(BootError) {
        do throws(OutputError) {
            try Destination(path).write(bytes)
        } catch {
            throw .file("\(error)")
        }
    }
}

/// The contents that a guest left in its memory.
struct GuestMemoryImage: PhysicalMemory {
    let regions: [Range<PhysicalAddress>]
    let statedPageSize: Int?
    let statedMachine: Machine?
    private let file: MappedFile

    init(_ memory: GuestMemory, of machine: any GuestMachine) throws(FileError) {
        regions = memory.banks
        statedPageSize = machine.pageSize.bytes
        statedMachine = type(of: machine).machine
        file = try MappedFile(path: memory.path)
    }

    func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard count >= 0, let end = address.advanced(by: UInt64(count)), let offset = regions.offset(of: address..<end)
        else { throw .notAvailable(address: address, count: count) }
        do throws(FileError) {
            return try file.withBytes(at: offset, count: count, body)
        } catch {
            throw .unreadable(address: address, count: count, reason: "\(error)")
        }
    }
}

extension Range<PhysicalAddress> {
    var byteCount: UInt64 { upperBound.rawValue - lowerBound.rawValue }
}

extension [Range<PhysicalAddress>] {
    /// The offset of a range within one bank in a file that contains the banks one after the other.
    fileprivate func offset(of range: Range<PhysicalAddress>) -> UInt64? {
        var offset: UInt64 = 0
        for bank in self {
            if bank.lowerBound <= range.lowerBound, range.upperBound <= bank.upperBound {
                return offset + range.lowerBound.rawValue - bank.lowerBound.rawValue
            }
            offset += bank.byteCount
        }
        return nil
    }
}
