import FDT
import Handover
import KernelABI
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An input file for benchmarks of commands.
public struct InputFile: Sendable {
    public let name: String
    public let summary: String
    private let write: @Sendable (_ path: FilePath, _ seed: UInt64) throws -> Void

    /// All of them, small ones first.
    public static let all: [InputFile] = [
        InputFile(name: "root.dtb", summary: "a root FDT with three subtrees") { path, _ in
            let blob = Capture(try SmallHandover.image()).blob(ofSubtree: HandoverDocument.Blob.rootName)
            try Destination(path).write(blob ?? [])
        },
        siblings(20_000),
        siblings(100_000),
        siblings(200_000),
        map("map-512gib.elf", "a map of 512 GiB in runs of pages", leaves: PreservedMap.fullSize / 2),
        map("map-1tib.elf", "a map of 1 TiB in runs of pages", leaves: PreservedMap.fullSize),
        map("map-1tib-full.elf", "a map of 1 TiB, every page of it", leaves: PreservedMap.fullSize, isFull: true),
        manyFiles("million-half.elf", sessions: ManyFiles.fullSize / 2),
        manyFiles("million.elf", sessions: ManyFiles.fullSize),
        host(gibibytes: 2),
        host(gibibytes: 4),
    ]

    /// Writes the file to `directory`, where it appears once it is complete.
    public func write(into directory: FilePath, seed: UInt64) throws {
        let path = directory.appending(name)
        let temporary = directory.appending(".\(name)")
        try write(temporary, seed)
        try temporary.withPlatformString { old in
            try path.withPlatformString { new in
                guard rename(old, new) == 0 else { throw Errno(rawValue: errno) }
            }
        }
    }

    private static func siblings(_ count: Int) -> InputFile {
        InputFile(name: "siblings-\(count).dtb", summary: "an FDT of \(count) sibling nodes") { path, seed in
            try Destination(path).write(try SiblingTree.tree(nodes: count, seed: seed).bytes)
        }
    }

    private static func map(_ name: String, _ summary: String, leaves: Int, isFull: Bool = false) -> InputFile {
        InputFile(name: name, summary: summary) { path, seed in
            let map = PreservedMap(leaves: leaves, isFull: isFull, seed: seed)
            try OutputForm.elf.write(Capture(try map.image()), to: Destination(path))
        }
    }

    private static func manyFiles(_ name: String, sessions: Int) -> InputFile {
        let workload = ManyFiles(sessions: sessions, seed: 0)
        let summary =
            "\(sessions * workload.filesPerSession) files and \(sessions * workload.memfdsPerSession) memfds "
            + "in \(sessions) sessions"
        return InputFile(name: name, summary: summary) { path, seed in
            let image = try HandoverImage(withoutFilesOf: ManyFiles(sessions: sessions, seed: seed).state)
            try OutputForm.elf.write(Capture(image), to: Destination(path))
        }
    }

    private static func host(gibibytes: UInt64) -> InputFile {
        InputFile(name: "host-\(gibibytes)gib.elf", summary: "\(gibibytes) GiB of a host's memory") { path, seed in
            let memory = try HostMemory(size: gibibytes << 30, seed: seed)
            let capture = Capture(memory.image.state, extents: memory.image.extents, memory: memory)
            try OutputForm.elf.write(capture, to: Destination(path))
        }
    }
}
