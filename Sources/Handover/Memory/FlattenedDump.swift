import Glibc
import SystemPackage

/// A dump as a stream of records, each saying where in the dump its bytes belong: what `makedumpfile -F` writes into a
/// pipe, and QEMU's `dump-guest-memory` in the formats `kdump-zlib`, `kdump-lzo` and `kdump-snappy`.
///
/// libkdumpfile reads it from 0.5.3 on. For an older one it is put in order first, as `makedumpfile -R` does.
enum FlattenedDump {
    /// `MDF_SIGNATURE`.
    private static let signature = Array("makedumpfile\0\0\0\0".utf8)
    /// `MAX_SIZE_MDF_HEADER`: the header is padded to this.
    private static let headerSize: UInt64 = 4096
    /// `struct makedumpfile_data_header`: offset and size, 64 bits each, big-endian.
    private static let recordHeaderSize = 16

    static func isOne(_ file: MappedFile) -> Bool {
        let found = try? file.withBytes(at: 0, count: signature.count) { bytes in
            signature.indices.allSatisfy { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == signature[$0] }
        }
        return found ?? false
    }

    /// Writes the dump in its ordinary form into a file without a name, which goes when the descriptor is closed.
    ///
    /// A stream that was cut short gives what it has.
    static func rearrange(_ file: MappedFile) throws(FileError) -> FileDescriptor {
        let (output, path) = try temporaryFile()
        do throws(FileError) {
            var position = headerSize
            while position < file.count, file.count - position >= UInt64(recordHeaderSize) {
                let (offset, size) = try file.withBytes(at: position, count: recordHeaderSize) { bytes in
                    (
                        Int64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: Int64.self)),
                        Int64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: Int64.self))
                    )
                }
                position += UInt64(recordHeaderSize)
                // Negative numbers end the stream.
                guard offset >= 0, size >= 0 else { break }
                let present = Int(min(UInt64(size), file.count - position))
                let error = try file.withBytes(at: position, count: present) { bytes -> Errno? in
                    do throws(Errno) {
                        try output.writeAll(bytes, at: offset)
                        return nil
                    } catch {
                        return error
                    }
                }
                if let error { throw .cannotWrite(path: path, error) }
                position += UInt64(present)
            }
            return output
        } catch {
            try? output.close()
            throw error
        }
    }

    private static func temporaryFile() throws(FileError) -> (FileDescriptor, FilePath) {
        // A dump is large, and /tmp often memory.
        let directory = FilePath(getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp")
        var name = Array(directory.appending("dump.XXXXXX").string.utf8CString)
        let number = mkstemp(&name)
        let path = FilePath(String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        guard number >= 0 else { throw .cannotOpen(path: path, Errno(rawValue: errno)) }
        unlink(name)
        return (FileDescriptor(rawValue: number), path)
    }
}
