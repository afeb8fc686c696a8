import FDT
import KernelABI
import SystemPackage

/// The formats in which a handover is written.
public enum OutputForm: String, Sendable, CaseIterable {
    /// An ELF64 core with the memory at its physical addresses.
    case elf
    /// One FDT that contains everything: a ``Bundle``.
    case bundle
    /// The blobs as files, named as in debugfs, and `memory.elf`.
    case directory

    // File names in a directory.
    static let memoryName: FilePath.Component = "memory.elf"
    private static let rootName: FilePath.Component = "fdt"
    private static let subtreesName: FilePath.Component = "sub_fdts"

    /// The format implied by a file name extension; `nil` if there is none.
    public init?(path: FilePath) {
        switch path.lastComponent?.extension {
        case "elf", "core", "vmcore": self = .elf
        case "dtb", "bundle": self = .bundle
        case nil: self = .directory
        default: return nil
        }
    }

    /// Writes a handover.
    public func write(_ capture: Capture, to destination: Destination) throws(OutputError) {
        switch self {
        case .elf: try Self.writeCore(capture, to: destination)
        case .bundle: try destination.write(try Self.bundle(capture).bytes)
        case .directory:
            try destination.writeDirectory { (directory) throws(OutputError) in
                try Self.fill(directory, with: capture)
            }
        }
    }

    private static func bundle(_ capture: Capture) throws(OutputError) -> FlattenedTree {
        return try rethrow(Bundle.tree(of: capture), as: OutputError.bundle)
    }

    private static func writeCore(_ capture: Capture, to destination: Destination) throws(OutputError) {
        var writer = ELFCoreWriter(of: capture.state)
        writer.leftOut = capture.memory.leftOut
        try destination.write { (file) throws(OutputError) in
            try rethrow(writer.write(capture.memory, to: file.descriptor, path: file.path), as: OutputError.image)
        }
    }

    private static func fill(_ directory: Destination, with capture: Capture) throws(OutputError) {
        let subtrees = directory.appending(subtreesName)
        try subtrees.makeDirectory()
        for subtree in capture.state.kho?.subtrees ?? [] {
            let name = subtree.name.repaired
            guard let component = FilePath.Component(name), component.kind == .regular else {
                throw .unsuitableName(name)
            }
            if let blob = capture.blob(ofSubtree: name) { try subtrees.appending(component).write(blob) }
        }
        if let root = capture.blob(ofSubtree: "kho") { try directory.appending(rootName).write(root) }
        try writeCore(capture, to: directory.appending(memoryName))
    }

    /// Whether a directory contains `names` and was written as ``directory``: its core is one that we write.
    static func isDirectoryForm(_ path: FilePath, names: [String]) -> Bool {
        guard Set(names).isSubset(of: [subtreesName.string, rootName.string, memoryName.string]) else { return false }
        guard let file = try? MappedFile(path: path.appending(memoryName)), let core = try? ELFCore(file: file),
            let machine = core.statedMachine, let pageSize = core.statedPageSize
        else { return false }
        var writer = ELFCoreWriter(machine: machine, pageSize: pageSize, osRelease: core.osRelease)
        writer.leftOut = core.leftOut
        let headers = writer.layout(regions: core.regions, stored: core.storedExtents).headers
        return (try? file.withBytes(at: 0, count: headers.count) { $0.equals(headers) }) ?? false
    }
}

extension ELFCoreWriter {
    /// Writes the core of the kernel that handed over.
    init(of state: HandoverState) {
        self.init(machine: state.machine, pageSize: state.pageSize?.bytes, osRelease: state.release)
    }
}

/// The reason why a handover could not be written.
public enum OutputError: Error, Sendable {
    case file(FilePath, Errno)
    case image(WriteError)
    case bundle(BundleError)
    /// A subtree's name is not a valid file name.
    case unsuitableName(String)
    /// A temporary file in this directory does not contain what was written.
    case temporary(FilePath, ELFError)
    /// Nothing is written, because something could be lost.
    case refused(FilePath, reason: String)
}

extension OutputError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let path, let error): "\(path): \(error)"
        case .image(let error): "\(error)"
        case .bundle(let error): "\(error)"
        case .temporary(let path, let error): "\(path): a temporary file cannot be read back: \(error)"
        case .refused(let path, let reason): "\(path) is not written: \(reason)"
        case .unsuitableName(let name): "subtree \(ImageText(name)): its name is not a possible file name"
        }
    }
}
