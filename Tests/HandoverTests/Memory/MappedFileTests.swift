import Foundation
import SystemPackage
import Testing

@testable import Handover

@Suite struct MappedFileTests {
    @Test func readsARegularFileWithinItsBounds() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("file")
            let contents = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            try Data(contents).write(to: URL(fileURLWithPath: path.string))
            let file = try MappedFile(path: path)
            #expect(file.count == 10_000)
            #expect(try file.copy(at: 0, count: 10_000) == contents)
            #expect(try file.copy(at: 9_999, count: 1) == [contents[9_999]])
            #expect(try file.copy(at: 10_000, count: 0) == [])
            for (offset, count) in [
                (9_999, 2), (10_000, 1), (10_001, 0), (0, 10_001), (0, -1), (UInt64.max, 1), (1, Int.max), (.max, .max),
            ] as [(UInt64, Int)] {
                #expect(throws: FileError.outOfBounds(path: path, offset: offset, count: count, size: 10_000)) {
                    try file.copy(at: offset, count: count)
                }
            }
        }
    }

    @Test func saysWhyAFileCannotBeOpened() throws {
        try withTemporaryDirectory { directory in
            let missing = directory.appending("missing")
            #expect(throws: FileError.cannotOpen(path: missing, .noSuchFileOrDirectory)) {
                try MappedFile(path: missing)
            }
            #expect("\(FileError.cannotOpen(path: missing, .noSuchFileOrDirectory))".hasPrefix(missing.string))
            #expect(throws: FileError.isDirectory(path: directory)) { try MappedFile(path: directory) }
            let empty = directory.appending("empty")
            try Data().write(to: URL(fileURLWithPath: empty.string))
            #expect(throws: FileError.isEmpty(path: empty)) { try MappedFile(path: empty) }
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may read every file"))
    func saysThatAFileMayNotBeRead() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("closed")
            try Data([1]).write(to: URL(fileURLWithPath: path.string))
            chmod(path.string, 0)
            #expect(throws: FileError.cannotOpen(path: path, .permissionDenied)) { try MappedFile(path: path) }
        }
    }

    @Test func readsAPipeToItsEnd() throws {
        let contents = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        // A pipe holds 64 KiB, so that this does not block.
        try writeEnd.closeAfter { _ = try writeEnd.writeAll(contents) }
        try readEnd.closeAfter {
            let file = try MappedFile(descriptor: readEnd, path: "-")
            #expect(file.count == 50_000)
            #expect(try file.copy(at: 0, count: 50_000) == contents)
        }
    }

    @Test func readsAFileThatStatesNoSize() throws {
        // procfs: a regular file of size 0, which cannot be mapped.
        let file = try MappedFile(path: "/proc/self/status")
        #expect(try file.copy(at: 0, count: 5) == Array("Name:".utf8))
    }
}
