import SystemPackage

/// A file that was compressed as a whole, so that its kind is hidden.
struct CompressedFile: Hashable, Sendable {
    /// The program that compressed it.
    let program: String
    /// The command that decompresses it and keeps the original.
    let command: String
    private let magic: [UInt8]

    private static let all = [
        CompressedFile(program: "gzip", command: "gunzip -k", magic: [0x1F, 0x8B]),
        CompressedFile(program: "xz", command: "unxz -k", magic: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
        CompressedFile(program: "zstd", command: "unzstd", magic: [0x28, 0xB5, 0x2F, 0xFD]),
        CompressedFile(program: "bzip2", command: "bunzip2 -k", magic: Array("BZh".utf8)),
        CompressedFile(program: "lz4", command: "unlz4 -k", magic: [0x04, 0x22, 0x4D, 0x18]),
    ]

    /// The compression of a file that begins with these bytes, if any. Six bytes suffice.
    static func recognise(_ start: [UInt8]) -> CompressedFile? {
        all.first { start.starts(with: $0.magic) }
    }
}
