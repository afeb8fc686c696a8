import SystemPackage

/// A file that was compressed as a whole, which hides what it is.
struct CompressedFile: Hashable, Sendable {
    /// What it was compressed with.
    let program: String
    /// The command that unpacks it and keeps the original.
    let command: String
    private let magic: [UInt8]

    private static let all = [
        CompressedFile(program: "gzip", command: "gunzip -k", magic: [0x1F, 0x8B]),
        CompressedFile(program: "xz", command: "unxz -k", magic: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
        CompressedFile(program: "zstd", command: "unzstd", magic: [0x28, 0xB5, 0x2F, 0xFD]),
        CompressedFile(program: "bzip2", command: "bunzip2 -k", magic: Array("BZh".utf8)),
        CompressedFile(program: "lz4", command: "unlz4 -k", magic: [0x04, 0x22, 0x4D, 0x18]),
    ]

    /// What a file that begins with these bytes is compressed with, if it is. Six bytes will do.
    static func recognise(_ start: [UInt8]) -> CompressedFile? {
        all.first { start.starts(with: $0.magic) }
    }
}
