import FDT
import KernelABI
import SystemPackage

/// An input whose kind is not yet known: a directory, or an open file.
package struct InputSource: Sendable {
    let path: FilePath
    let contents: Contents
    /// The bytes of an FDT according to its header, as far as they are present; `nil` if it is not an FDT.
    let tree: InputTree?
    /// Whether the file is a flattened dump that was rearranged.
    private(set) var isFlattened = false

    enum Contents: Sendable {
        case directory
        case file(MappedFile)
    }

    /// The largest blob that is read: far larger than what kernels hand over, but small enough to be held in memory.
    static let blobLimit = 64 << 20

    /// Opens `path`; `-` is standard input.
    init(_ path: FilePath) throws(InputError) {
        do throws(FileError) {
            self.init(
                file: path == "-"
                    ? try MappedFile(descriptor: .standardInput, path: "standard input") : try MappedFile(path: path))
        } catch {
            guard case .isDirectory = error else { throw .file(error) }
            self.init(path: path, contents: .directory, tree: nil)
        }
    }

    /// A file that is already open.
    package init(file: MappedFile) {
        let isFlattened = FlattenedDump.isOne(file)
        let file = isFlattened ? FlattenedDump.rearranged(file) : file
        self.init(path: file.path, contents: .file(file), tree: Self.tree(in: file))
        self.isFlattened = isFlattened
    }

    private init(path: FilePath, contents: Contents, tree: InputTree?) {
        (self.path, self.contents, self.tree) = (path, contents, tree)
    }

    var file: MappedFile? {
        if case .file(let file) = contents { file } else { nil }
    }

    /// The first `count` bytes, or as many as there are.
    func prefix(_ count: Int) -> [UInt8] {
        guard let file else { return [] }
        return Self.bytes(of: file, limit: count)
    }

    /// An error if the file is compressed as a whole.
    var compression: InputError? {
        CompressedFile.recognise(prefix(6)).map {
            .compressed(path: path, program: $0.program, command: $0.command)
        }
    }

    /// The kind of text in the file, if it is text, which no kernel hands over.
    var text: String? {
        let start = prefix(256)
        guard !start.isEmpty, start.allSatisfy({ $0 >= 0x20 && $0 < 0x7f || [0x09, 0x0a, 0x0d].contains($0) }) else {
            return nil
        }
        let isObject = start.first { $0 > 0x20 } == UInt8(ascii: "{")
        return isObject ? "it is JSON; build it first with luo-fdt build" : "it is text"
    }

    private static func tree(in file: MappedFile) -> InputTree? {
        guard let header = Header(bytes(of: file, limit: Header.size).span.bytes), header.magic == Header.magic else {
            return nil
        }
        return InputTree(bytes(of: file, limit: Int(header.totalSize)))
    }

    static func bytes(of file: MappedFile, limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        try? file.withBytes(at: 0, count: Int(min(file.count, UInt64(limit)))) { bytes.append(copying: $0) }
        return bytes
    }
}
