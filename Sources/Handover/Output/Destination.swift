import Glibc
import SystemPackage

/// The destination of output. Everything written to files goes through here.
///
/// - A file appears under its name once it is complete, atomically replacing any previous file, whose permissions it
///   takes over. Links are followed. A failure leaves everything as it was.
/// - A directory appears in the same way. It only replaces an empty directory, or one that contains nothing but what
///   ``OutputForm/directory`` writes.
/// - A pipe, a device and standard output (`-`) are streams: bytes are only appended.
///
/// An output that is one of the inputs is refused before anything is written.
public struct Destination: Sendable {
    /// The output's name in messages.
    public let path: FilePath
    private let place: Place
    /// Whether the output replaces something, which must not be given up before the output is safely on disk.
    private let isReplacement: Bool

    private enum Place {
        /// An open stream.
        case open(FileDescriptor)
        /// A pipe or device, by its path.
        case device(FilePath)
        /// A file or directory with links resolved, and what currently exists there.
        case named(FilePath, Stat?)
    }

    /// Resolves `path`; `-` is standard output.
    ///
    /// - Parameters:
    ///   - path: A file or directory, existing or not, or `-`.
    ///   - inputs: The files and directories that the output is made from; `-` is standard input.
    /// - Throws: ``OutputError/refused(_:reason:)`` if the output is one of the inputs, is in one, or contains one.
    public init(_ path: FilePath, inputs: [FilePath] = []) throws(OutputError) {
        if path == "-" {
            self.path = "standard output"
            place = .open(.standardOutput)
        } else {
            self.path = path
            place = try rethrow(Self.place(of: path)) { (error: Errno) in OutputError.file(path, error) }
        }
        if case .named(_, .some) = place { isReplacement = true } else { isReplacement = false }
        for input in inputs {
            if let reason = conflict(with: input) { throw .refused(self.path, reason: reason) }
        }
    }

    private init(_ path: FilePath, at place: FilePath, isReplacement: Bool) {
        self.path = path
        self.place = .named(place, nil)
        self.isReplacement = isReplacement
    }

    /// Whether it is append-only.
    public var isStream: Bool {
        if case .named = place { false } else { true }
    }

    // MARK: - Writing

    /// Writes a file or stream.
    func write<Result>(_ body: (OutputFile) throws(OutputError) -> Result) throws(OutputError) -> Result {
        switch place {
        case .open(let descriptor):
            return try body(OutputFile(descriptor: descriptor, path: path, isStream: true))
        case .device(let device):
            let descriptor = try attempt { () throws(Errno) in try Self.open(device) }
            defer { try? descriptor.close() }
            return try body(OutputFile(descriptor: descriptor, path: path, isStream: true))
        case .named(let place, let present):
            if present?.type == .directory { throw .file(path, .isDirectory) }
            let file = try attempt { () throws(Errno) in try NewFile(at: place, replacing: present) }
            let result: Result
            do throws(OutputError) {
                result = try body(OutputFile(descriptor: file.descriptor, path: path, isStream: false))
            } catch {
                file.discard()
                throw error
            }
            if isReplacement { try attempt { () throws(Errno) in try file.synchronize() } }
            try attempt { () throws(Errno) in try file.finish(at: place) }
            return result
        }
    }

    /// Writes a directory that `body` fills.
    func writeDirectory(_ body: (_ directory: Destination) throws(OutputError) -> Void) throws(OutputError) {
        guard case .named(let place, let present) = place else {
            throw .refused(path, reason: "a directory cannot be written to a stream")
        }
        if present != nil {
            guard present?.type == .directory else { throw .file(path, .notDirectory) }
            if let reason = Self.whyIrreplaceable(place) { throw .refused(path, reason: reason) }
        }
        let name = try attempt { () throws(Errno) in try UnfinishedOutput.make(beside: place, Directory.make).name }
        defer { UnfinishedOutput.discard(name) }
        try body(Destination(path, at: name, isReplacement: isReplacement))
        if let present { _ = name.withPlatformString { chmod($0, present.permissions.rawValue) } }
        try attempt { () throws(Errno) in
            try UnfinishedOutput.name { () throws(Errno) in
                if present == nil {
                    try Directory.rename(name, to: place)
                } else {
                    try Directory.exchange(name, place)
                }
            }
        }
    }

    /// Creates a directory within another one.
    func makeDirectory() throws(OutputError) {
        guard case .named(let place, _) = place else { return }
        try attempt { () throws(Errno) in
            try UnfinishedOutput.name { () throws(Errno) in try Directory.make(place) }
        }
    }

    /// A name in a directory that is being written.
    func appending(_ name: FilePath.Component) -> Destination {
        guard case .named(let place, _) = place else { return self }
        return Destination(path.appending(name), at: place.appending(name), isReplacement: isReplacement)
    }

    /// Writes bytes.
    public func write(_ bytes: [UInt8]) throws(OutputError) {
        try write { (file) throws(OutputError) in try file.append(bytes.span.bytes) }
    }

    private func attempt<Result>(_ body: () throws(Errno) -> Result) throws(OutputError) -> Result {
        return try rethrow(body()) { (error: Errno) in OutputError.file(path, error) }
    }

    private static func open(_ device: FilePath) throws(Errno) -> FileDescriptor {
        return try rethrow(
            FileDescriptor.open(device, .writeOnly, options: [.closeOnExec, .append]), as: Errno.init(_:))
    }

    /// The reason why the directory at `path` must not be replaced; `nil` if it may be.
    private static func whyIrreplaceable(_ path: FilePath) -> String? {
        if FileIdentity(path) == FileIdentity(".") { return "it is the current directory" }
        let names = Directory.entries(of: path)
        return names.isEmpty || OutputForm.isDirectoryForm(path, names: names)
            ? nil : "it is a directory with other files; remove it first, or choose another name"
    }

    // MARK: - Where it is

    private static func place(of path: FilePath) throws(Errno) -> Place {
        let resolved = try resolveLinks(of: path)
        if let descriptor = descriptor(named: resolved) { return .open(descriptor) }
        guard let status = try? resolved.stat() else { return .named(resolved, nil) }
        switch status.type {
        case .regular:
            // A redirection of standard output to the same file has it open, too.
            let isOpen = (try? FileDescriptor.standardOutput.stat()).map(FileIdentity.init) == FileIdentity(status)
            return isOpen ? .open(.standardOutput) : .named(resolved, status)
        case .directory: return .named(resolved, status)
        default: return .device(resolved)
        }
    }

    /// The descriptor that `/dev/stdout` and similar paths refer to.
    private static func descriptor(named path: FilePath) -> FileDescriptor? {
        guard path.removingLastComponent() == descriptors, let number = path.lastComponent.flatMap({ CInt($0.string) })
        else { return nil }
        return FileDescriptor(rawValue: number)
    }

    private static var descriptors: FilePath { FilePath("/proc/\(getpid())/fd") }

    /// Follows links, including dangling ones, except those that refer to open files.
    private static func resolveLinks(of path: FilePath) throws(Errno) -> FilePath {
        var path = path
        for _ in 0..<40 {
            guard let name = path.lastComponent, name.kind == .regular else { return try Directory.realPath(path) }
            let directory = try Directory.realPath(path.removingLastComponent())
            let entry = directory.appending(name)
            guard directory != descriptors, let target = Directory.target(ofLink: entry) else { return entry }
            path = directory.pushing(target)
        }
        throw .tooManySymbolicLinkLevels
    }

    // MARK: - Inputs

    private var isNamed: Bool {
        if case .named = place { true } else { false }
    }

    private var identity: FileIdentity? {
        switch place {
        case .open(let descriptor):
            guard let status = try? descriptor.stat(), status.type == .regular else { return nil }
            return FileIdentity(status)
        case .device: return nil
        case .named(_, let status): return status.map(FileIdentity.init)
        }
    }

    /// The reason why an output made from `input` cannot be written.
    private func conflict(with input: FilePath) -> String? {
        let identity = identity
        // A terminal, pipe or device does not count as an input.
        if identity == nil, !isNamed { return nil }
        let status = input == "-" ? try? FileDescriptor.standardInput.stat() : try? input.stat()
        guard let status, status.type == .regular || status.type == .directory else { return nil }
        let isSame = identity == FileIdentity(status)
        if isSame { return input == path ? "it is the input" : "it is the input \(input)" }
        guard case .named(let place, let present) = place else { return nil }
        if FileIdentity.directories(around: place).contains(FileIdentity(status)) {
            return "it is in the input \(input)"
        }
        if present?.type == .directory, let identity, let input = try? Directory.realPath(input),
            FileIdentity.directories(around: input).contains(identity)
        {
            return "the input \(input) is in it"
        }
        return nil
    }
}
