import Glibc
import KernelABI
import SystemPackage

/// The version names in a kernel image: `kho-v4`, `luo-v5` and so on.
///
/// They are found as strings anywhere in the image (a handler's is behind a pointer in `struct
/// liveupdate_file_handler`), and in the section `.liveupdate_versions` of kernels that have it. A file with only BTF
/// has none.
public struct KernelNames: Hashable, Sendable {
    public private(set) var names: Set<String> = []

    /// Reads an uncompressed `vmlinux`.
    public init(path: FilePath) throws(FileError) {
        let file = try MappedFile(path: path)
        let patterns = Generation.nameBases.map { Array($0.utf8) } + [Self.versionsMagic]
        var offset: UInt64 = 0
        while offset < file.count {
            let count = Int(min(file.count - offset, UInt64(Self.portion + Self.overlap)))
            try file.withBytes(at: offset, count: count) { bytes in
                for pattern in patterns { find(pattern, in: bytes) }
            }
            offset += UInt64(Self.portion)
        }
    }

    private static let portion = 1 << 20
    /// At least the length of the longest name, and the size of the part of the versions section that is read.
    private static let overlap = 48 * 64
    /// The beginning of `.liveupdate_versions`: a magic number and a version.
    private static let versionsMagic: [UInt8] = [0x50, 0x55, 0x56, 0x4C, 1, 0, 0, 0]

    private mutating func find(_ pattern: [UInt8], in bytes: RawSpan) {
        var start = 0
        while let place = Self.first(pattern, in: bytes.extracting(start..<bytes.byteCount)) {
            let found = start + place
            if pattern == Self.versionsMagic {
                var next = found + pattern.count
                while let name = Self.name(at: next, in: bytes) {
                    names.insert(name)
                    next += 48
                }
            } else if found == 0 || !(0x20..<0x7F).contains(bytes.littleEndian(at: found - 1, as: UInt8.self)),
                let name = Self.name(at: found, in: bytes)
            {
                names.insert(name)
            }
            start = found + 1
        }
    }

    /// The printable, NUL-terminated string within the next 48 bytes.
    private static func name(at start: Int, in bytes: RawSpan) -> String? {
        var name: [UInt8] = []
        for index in start..<min(start + 48, bytes.byteCount) {
            let byte = bytes.littleEndian(at: index, as: UInt8.self)
            if byte == 0 { return name.isEmpty ? nil : String(decoding: name, as: UTF8.self) }
            guard (0x21..<0x7F).contains(byte) else { return nil }
            name.append(byte)
        }
        return nil
    }

    private static func first(_ pattern: [UInt8], in bytes: RawSpan) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let first = pattern.first else { return nil }
            var start = 0
            while bytes.count - start >= pattern.count,
                let found = memchr(base + start, Int32(first), bytes.count - start - pattern.count + 1)
            {
                let place = UnsafeRawPointer(found) - base
                if memcmp(found, pattern, pattern.count) == 0 { return place }
                start = place + 1
            }
            return nil
        }
    }
}
