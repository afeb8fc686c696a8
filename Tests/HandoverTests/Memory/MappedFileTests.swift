import Foundation
import KernelABI
import SystemPackage
import TestSupport
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

    @Test func holesAreNotStored() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("sparse")
            let core = RawCore(segments: [
                .init(offset: 0x1000, physical: 0x10_0000, fileSize: 1 << 32, memorySize: 1 << 32)
            ]).bytes
            try Data(core).write(to: URL(fileURLWithPath: path.string))
            let page = (0..<0x1000).map { UInt8(truncatingIfNeeded: $0) }
            for offset in [0x10_0000, 0x4000_0000] as [UInt64] {
                let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path.string))
                try handle.seek(toOffset: offset)
                try handle.write(contentsOf: page)
                try handle.truncate(atOffset: 1 << 32 + 0x1000)
                try handle.close()
            }
            let memory = try ELFCore(file: try MappedFile(path: path))
            #expect(memory.regions == [range(0x10_0000, 0x10_0000 + 1 << 32)])
            let stored = memory.storedExtents.reduce(0) { $0 + $1.upperBound.rawValue - $1.lowerBound.rawValue }
            #expect(stored < 1 << 20)
            for place in [0x1F_F000, 0x400F_F000] as [UInt64] {
                #expect(memory.storedExtents.contains { $0.contains(PhysicalAddress(place)) })
                #expect(try memory.copy(at: place - 8, count: 16) == [UInt8](repeating: 0, count: 8) + page[..<8])
            }
            #expect(try memory.copy(at: 0x2000_0000, count: 64) == [UInt8](repeating: 0, count: 64))
        }
    }

    @Test func aFileOnDemandGivesTheBytesThatItHas() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("large")
            let contents = (0..<MappedFile.heldSize + 5000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
            try Data(contents).write(to: URL(fileURLWithPath: path.string))
            let descriptor = try FileDescriptor.open(reading: path)
            let file = try descriptor.closeAfter { try #require(try FileOnDemand(descriptor, descriptor.status())) }
            #expect(file.count == UInt64(contents.count))
            for (offset, count) in [(0, 16), (4090, 12), (10_000, 100_000), (contents.count - 5, 5), (8, 0)] {
                let bytes = try file.withBytes(at: UInt64(offset), count: count, path: path) { [UInt8](copying: $0) }
                #expect(bytes == Array(contents[offset..<offset + count]))
            }
        }
    }

    @Test func whatIsLongInAPipeIsKeptInAFile() throws {
        let contents = (0..<MappedFile.heldSize + 100_000).map { UInt8(truncatingIfNeeded: $0 >> 4) }
        let pipe = Pipe()
        let writer = Thread {
            try? pipe.fileHandleForWriting.write(contentsOf: contents)
            try? pipe.fileHandleForWriting.close()
        }
        writer.start()
        let descriptor = FileDescriptor(rawValue: pipe.fileHandleForReading.fileDescriptor)
        let file = try MappedFile(descriptor: descriptor, path: "pipe")
        #expect(try file.copy(at: 0, count: Int(file.count)) == contents)
    }

    @Test func pagesThatAreReleasedLeaveTheProcessAndCanBeRead() throws {
        try withTemporaryDirectory { directory in
            let path = directory.appending("core")
            let contents = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 / 4096 + $0) }
            let core = RawCore(
                segments: [.init(offset: 4096, physical: 0x10_0000, fileSize: 1 << 20, memorySize: 2 << 20)],
                contents: contents)
            try Data(core.bytes).write(to: URL(fileURLWithPath: path.string))
            let memory = try ELFCore(file: try MappedFile(path: path))
            let layered = LayeredMemory([SparseMemory(), memory])
            let part = MemoryPart(of: memory, pageSize: .kib4, ranges: [range(0x10_0000, 0x20_0000)])
            for source in [memory, layered, part] as [any PhysicalMemory] {
                #expect(try source.copy(at: 0x10_0000, count: 1 << 20) == contents)
                #expect(try Self.residentSize(of: path) >= 1 << 20)
                // More than there is, and half a page at the end.
                source.release(range(0, 0x18_0800))
                source.release(range(0x18_0800, .max))
                #expect(try Self.residentSize(of: path) <= 4096)
                source.release(range(0x1000_0000, 0x2000_0000))
            }
            #expect(try memory.copy(at: 0x10_0000, count: 1 << 20) == contents)
        }
    }

    /// The number of bytes of the mapped file that are resident in this process.
    private static func residentSize(of path: FilePath) throws -> Int {
        let text = try MappedFile(path: "/proc/self/smaps")
        let maps = String(decoding: try text.copy(at: 0, count: Int(text.count)), as: UTF8.self).split(separator: "\n")
        let place = try #require(maps.firstIndex { $0.hasSuffix(path.string) }, "\(path) among \(maps.count) lines")
        let line = try #require(maps[place...].first { $0.hasPrefix("Rss:") })
        return try #require(line.split(separator: " ").compactMap { Int($0) }.first) * 1024
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
        // A pipe holds 64 KiB, so this does not block.
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
