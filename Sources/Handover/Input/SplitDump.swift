import SystemPackage

extension HandoverInput {
    /// Groups inputs that are parts of the same split dump (`makedumpfile --split`), and so form one memory: all but
    /// the first go into ``InputOptions/memory``.
    public static func groups(of paths: [FilePath]) -> [[FilePath]] {
        if paths.count < 2 { return paths.map { [$0] } }
        var groups: [(dump: DumpHeader.Identity?, paths: [FilePath])] = []
        for path in paths {
            let dump = DumpHeader.identityOfPart(at: path)
            if dump != nil, let index = groups.firstIndex(where: { $0.dump == dump }) {
                groups[index].paths.append(path)
            } else {
                groups.append((dump, [path]))
            }
        }
        return groups.map(\.paths)
    }
}

extension DumpHeader {
    /// What the parts of one dump have in common.
    fileprivate struct Identity: Equatable {
        var release: String?
        var host: String
        var pageSize: UInt64
        var pageCount: UInt64
    }

    fileprivate static func identityOfPart(at path: FilePath) -> Identity? {
        // Anything but a regular file, such as a pipe, can only be read once.
        guard let stat = try? path.stat(), stat.type == .regular,
            let start = try? FileDescriptor.start(of: path), CrashDump.looksLikeOne(start.span.bytes),
            let file = try? MappedFile(path: path), let header = try? DumpHeader(file), header.part != nil
        else { return nil }
        return Identity(
            release: header.release, host: header.host, pageSize: header.pageSize, pageCount: header.pageCount)
    }
}

extension FileDescriptor {
    /// The first bytes of a file.
    fileprivate static func start(of path: FilePath) throws -> [UInt8] {
        let descriptor = try open(reading: path)
        return try descriptor.closeAfter {
            try [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
                count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }
}
