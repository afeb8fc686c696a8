import KernelABI
import SystemPackage

/// An input that was found out to be a handover or part of one, and read.
///
/// What it is, is told from its contents by the kinds in ``InputKind/all``.
public struct HandoverInput: Sendable {
    /// The input's name in messages.
    public let path: FilePath
    /// The name of the ``InputKind`` that it is of.
    public let kind: String
    /// What it shows: at least one.
    public let documents: [HandoverDocument]

    /// Opens and reads the file or directory at `path`; `-` is standard input.
    ///
    /// - Parameters:
    ///   - path: a file, a directory, or `-`.
    ///   - options: what the user says of the input beside its bytes.
    ///   - progress: called while a memory image is searched, with the bytes done and the bytes there are.
    /// - Throws: ``InputError`` where nothing at all can be read. What is damaged is read as far as it goes: see
    ///   ``Reading/findings``.
    public init(
        _ path: FilePath, options: InputOptions = InputOptions(),
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) {
        try self.init(InputSource(path), options: options, progress: progress)
    }

    /// Reads an input that is open.
    package init(
        _ source: InputSource, options: InputOptions,
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) {
        let kind = try Self.kind(of: source, options)
        self.path = source.path
        self.kind = kind.name
        let context = try InputContext(options, progress: progress)
        do throws(InputError) {
            let documents = try kind.read(source, context)
            let found = options.searches ? context.search(beside: documents) : nil
            self.documents = documents + [found].compactMap { $0 }
        } catch {
            // Without a root, there may still be something.
            let isRootOpen = options.rootAddress == nil && options.bootData == nil
            guard options.searches || options.searchesWithoutRoot && isRootOpen,
                case .noHandover(_, _, let problem, let others) = error,
                let image = try? MemoryImage(source, options), var found = context.search(in: image)
            else { throw error }
            found.reading.findings = [problem] + others + found.reading.findings
            documents = [found]
        }
    }

    /// Whether something is broken, as opposed to not available.
    public var isDamaged: Bool { documents.contains { $0.reading.isDamaged } }
}
