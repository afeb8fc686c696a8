import KernelABI
import SystemPackage

/// An input that was recognised as a handover or part of one, and read.
///
/// Its kind is detected from its contents, by the kinds in ``InputKind/all``.
public struct HandoverInput: Sendable {
    /// The input's name in messages.
    public let path: FilePath
    /// The name of its ``InputKind``.
    public let kind: String
    /// The handovers in the input: at least one.
    public let documents: [HandoverDocument]

    /// Opens and reads the file or directory at `path`; `-` is standard input.
    ///
    /// - Parameters:
    ///   - path: A file, a directory, or `-`.
    ///   - options: What the user states about the input.
    ///   - progress: Called during the search of a memory image, with the number of bytes done and in total.
    /// - Throws: ``InputError`` if nothing at all can be read. Damaged input is read as far as possible: see
    ///   ``Reading/findings``.
    public init(
        _ path: FilePath, options: InputOptions = InputOptions(),
        progress: @escaping (_ bytesDone: UInt64, _ bytesTotal: UInt64) -> Void = { _, _ in }
    ) throws(InputError) {
        try self.init(InputSource(path), options: options, progress: progress)
    }

    /// Reads an input that is already open.
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
            // Without a root, a search may still find something.
            let isRootOpen = options.rootAddress == nil && options.bootData == nil
            guard options.searches || options.searchesWithoutRoot && isRootOpen,
                case .noHandover(_, _, let problem, let others) = error,
                let image = try? MemoryImage(source, options), var found = context.search(in: image)
            else { throw error }
            found.reading.findings = [problem] + others + found.reading.findings
            documents = [found]
        }
    }

    /// Whether something is broken, as opposed to unavailable.
    public var isDamaged: Bool { documents.contains { $0.reading.isDamaged } }
}
