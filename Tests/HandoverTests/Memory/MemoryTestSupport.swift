import Foundation
import KernelABI
import SystemPackage
import Testing

@testable import Handover

extension PhysicalMemory {
    func copy(at address: UInt64, count: Int) throws(MemoryError) -> [UInt8] {
        try withBytes(at: PhysicalAddress(address), count: count) { span in span.withUnsafeBytes(Array.init) }
    }
}

extension MappedFile {
    func copy(at offset: UInt64, count: Int) throws(FileError) -> [UInt8] {
        try withBytes(at: offset, count: count) { span in span.withUnsafeBytes(Array.init) }
    }
}

extension ELFCore {
    init(bytes: [UInt8]) throws(ELFError) {
        try self.init(file: MappedFile(bytes: bytes, name: "test.elf"))
    }
}

/// Addresses as a range.
func range(_ start: UInt64, _ end: UInt64) -> Range<PhysicalAddress> {
    PhysicalAddress(start)..<PhysicalAddress(end)
}

/// A core made from the fields given by a test, valid or not.
struct RawCore {
    struct Segment {
        var type: UInt32 = 1
        var offset: UInt64
        var virtual: UInt64 = 0
        var physical: UInt64
        var fileSize: UInt64
        var memorySize: UInt64
    }

    var segments: [Segment] = []
    /// The file after the headers: from offset 4096 on.
    var contents: [UInt8] = []
    var machine: UInt16 = 62

    var bytes: [UInt8] {
        var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        bytes.put(4 as UInt16, at: 16)
        bytes.put(machine, at: 18)
        bytes.put(1 as UInt32, at: 20)
        bytes.put(64 as UInt64, at: 32)
        bytes.put(64 as UInt16, at: 52)
        bytes.put(56 as UInt16, at: 54)
        bytes.put(UInt16(segments.count), at: 56)
        bytes.put(0 as UInt32, at: 60)
        for (index, segment) in segments.enumerated() {
            let start = 64 + index * 56
            bytes.put(segment.type, at: start)
            bytes.put(segment.offset, at: start + 8)
            bytes.put(segment.virtual, at: start + 16)
            bytes.put(segment.physical, at: start + 24)
            bytes.put(segment.fileSize, at: start + 32)
            bytes.put(segment.memorySize, at: start + 40)
            bytes.put(4096 as UInt64, at: start + 48)
        }
        if !contents.isEmpty {
            bytes += [UInt8](repeating: 0, count: 4096 - bytes.count)
            bytes += contents
        }
        return bytes
    }
}

extension [UInt8] {
    /// Writes a little-endian number, extending the file if necessary.
    mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        let size = Number.bitWidth / 8
        if count < offset + size { self += [UInt8](repeating: 0, count: offset + size - count) }
        for index in 0..<size { self[offset + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
    }
}

extension PhysicalMemory {
    /// The memory with other bytes at `address`, within a 4 KiB page; the rest is unchanged.
    func changed(_ bytes: [UInt8], at address: PhysicalAddress) throws -> LayeredMemory {
        let offset = Int(address.rawValue % 4096)
        let start = PhysicalAddress(address.rawValue - UInt64(offset))
        var page = try #require(copy(at: start, count: 4096))
        page.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        var change = SparseMemory()
        try change.write(page, at: start)
        change.statedPageSize = nil
        return LayeredMemory([change, self])
    }
}
