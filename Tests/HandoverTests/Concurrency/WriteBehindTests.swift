import SystemPackage
import TestSupport
import Testing

@testable import Handover

/// Tests writing bytes while others are produced.
@Suite struct WriteBehindTests {
    @Test func `all pieces are in the file, each in its place`() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("pieces")
            let pieces = (0..<20).map { [UInt8](repeating: UInt8($0 + 1), count: 1000 * $0) }
            let file = try FileDescriptor.open(
                path, .readWrite, options: [.create], permissions: [.ownerReadWrite])
            try file.closeAfter {
                let behind = WriteBehind(file)
                for (index, piece) in pieces.enumerated() { try behind.write(piece, at: Int64(index) * 20_000) }
                try behind.wait()
            }
            let bytes = try MappedFile(path: path)
            for (index, piece) in pieces.enumerated() where !piece.isEmpty {
                let written = try bytes.withBytes(at: UInt64(index) * 20_000, count: piece.count) {
                    [UInt8](copying: $0)
                }
                #expect(written == piece)
            }
        }
    }

    @Test func `what goes wrong is said with the next piece, and at the end`() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("read-only")
            try FileDescriptor.open(path, .writeOnly, options: [.create], permissions: [.ownerReadWrite]).close()
            let file = try FileDescriptor.open(path, .readOnly)
            try file.closeAfter {
                let behind = WriteBehind(file)
                try behind.write([1], at: 0)
                #expect(throws: Errno.badFileDescriptor) { try behind.write([2], at: 1) }
                #expect(throws: Errno.badFileDescriptor) { try behind.wait() }
            }
        }
    }
}
