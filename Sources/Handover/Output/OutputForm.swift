import FDT
import KernelABI
import SystemPackage

/// The forms in which a handover is written.
public enum OutputForm: String, Sendable, CaseIterable {
    /// An ELF64 core with the memory at its physical addresses.
    case elf
    /// One FDT that holds everything: a ``Bundle``.
    case bundle
    /// The blobs as files, named as in debugfs, and `memory.elf`.
    case directory

    /// The name of the memory image in a directory.
    static let memoryFileName = "memory.elf"

    /// The form that a file name's ending tells; `nil` where it tells none.
    public init?(path: FilePath) {
        switch path.lastComponent?.extension {
        case "elf", "core", "vmcore": self = .elf
        case "dtb", "bundle": self = .bundle
        case nil: self = .directory
        default: return nil
        }
    }

    /// Writes a handover.
    ///
    /// - Parameter path: the file, or the directory, which is made where it is not there.
    public func write(_ capture: Capture, to path: FilePath) throws(OutputError) {
        switch self {
        case .elf: try Self.writeCore(capture, to: path)
        case .bundle: try Self.write(try Self.bundle(capture).bytes, to: path)
        case .directory: try Self.writeDirectory(capture, to: path)
        }
    }

    private static func bundle(_ capture: Capture) throws(OutputError) -> FlattenedTree {
        do throws(BundleError) {
            return try Bundle.tree(of: capture)
        } catch {
            throw .bundle(error)
        }
    }

    private static func writeCore(_ capture: Capture, to path: FilePath) throws(OutputError) {
        let writer = ELFCoreWriter(of: capture.state)
        try withNewFile(path) { (file) throws(OutputError) in
            do throws(ELFWriteError) {
                try writer.write(capture.memory, to: file, path: path)
            } catch {
                throw .core(error)
            }
        }
    }

    private static func writeDirectory(_ capture: Capture, to path: FilePath) throws(OutputError) {
        let subtrees = path.appending("sub_fdts")
        try makeDirectory(path)
        try makeDirectory(subtrees)
        for subtree in capture.state.kho?.subtrees ?? [] {
            let name = subtree.name.description
            guard let component = FilePath.Component(name), component.kind == .regular else {
                throw .unsuitableName(name)
            }
            if let blob = capture.blob(ofSubtree: name) { try write(blob, to: subtrees.appending(component)) }
        }
        if let root = capture.blob(ofSubtree: "kho") { try write(root, to: path.appending("fdt")) }
        try writeCore(capture, to: path.appending(memoryFileName))
    }

    /// Writes bytes to a file; `-` is standard output.
    public static func write(_ bytes: [UInt8], to path: FilePath) throws(OutputError) {
        try withNewFile(path) { (file) throws(OutputError) in
            do throws(Errno) {
                try file.writeAll(bytes.span.bytes)
            } catch {
                throw .file(path, error)
            }
        }
    }

    /// Hands a new, empty file to `body`, and closes it; `-` is standard output.
    static func withNewFile<Result>(
        _ path: FilePath, _ body: (FileDescriptor) throws(OutputError) -> Result
    ) throws(OutputError) -> Result {
        if path == "-" { return try body(.standardOutput) }
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        } catch {
            throw .file(path, Errno(error))
        }
        let result: Result
        do throws(OutputError) {
            result = try body(file)
        } catch {
            try? file.close()
            throw error
        }
        do {
            try file.close()
        } catch {
            throw .file(path, Errno(error))
        }
        return result
    }

    private static func makeDirectory(_ path: FilePath) throws(OutputError) {
        do throws(Errno) {
            try Directory.make(path)
        } catch {
            throw .file(path, error)
        }
    }
}

extension ELFCoreWriter {
    /// Writes the core of the kernel that handed over.
    init(of state: HandoverState) {
        self.init(machine: state.machine ?? .x86_64, pageSize: state.pageSize, osRelease: state.release)
    }
}

/// Why a handover could not be written.
public enum OutputError: Error, Sendable {
    case file(FilePath, Errno)
    case core(ELFWriteError)
    case image(WriteError)
    case bundle(BundleError)
    /// A subtree's name cannot be the name of a file.
    case unsuitableName(String)
}

extension OutputError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let path, let error): "\(path): \(error)"
        case .core(let error): "\(error)"
        case .image(let error): "\(error)"
        case .bundle(let error): "\(error)"
        case .unsuitableName(let name): "subtree \"\(name)\": no file can have this name"
        }
    }
}
