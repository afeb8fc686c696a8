import SystemPackage

/// A kind of input: its name, how it is recognised, and how it is read.
///
/// ``all`` is the complete list. To support a new kind, add an entry.
public struct InputKind: Sendable {
    /// The name by which a user selects the kind.
    public let name: String
    /// A short description.
    public let summary: String
    /// The reason why a file or directory is not of this kind; `nil` if it is.
    let refusal: Refusal
    let read: @Sendable (InputSource, InputContext) throws(InputError) -> [HandoverDocument]

    /// How an input is recognised.
    enum Refusal: Sendable {
        case directory(@Sendable (FilePath) -> String?)
        case file(@Sendable (InputSource, MappedFile) -> String?)
        /// Any input is of this kind, but only if the user selects it; the text explains why it is not otherwise.
        case unasked(String)
    }

    /// The reason why `source` is not of this kind; `nil` if it is.
    ///
    /// - Parameter isAsked: Whether the user selects this kind.
    func refusal(of source: InputSource, isAsked: Bool = false) -> String? {
        switch (refusal, source.contents) {
        case (.directory(let refusal), .directory): refusal(source.path)
        case (.file(let refusal), .file(let file)): refusal(source, file)
        case (.unasked(let reason), _): isAsked ? nil : reason
        case (.directory, .file): "it is not a directory"
        case (_, .directory): "it is a directory"
        }
    }

    /// Whether the input can be of this kind at all: a file is not a directory.
    func isWorthTrying(on source: InputSource) -> Bool {
        switch (refusal, source.contents) {
        case (.directory, .directory), (.file, .file), (.unasked, .file): true
        default: false
        }
    }

    /// All kinds, in the order in which they are tried: those with a signature first.
    public static let all: [InputKind] =
        [.debugfs, .elf, .crashDump, .lime, .bundle, .root, .luoTree] + subtrees { $0 == .tree }
        + [.tree, .luoRecord] + subtrees { $0 != .tree } + [.flbs, .raw, .machine]

    /// Standalone subtree blobs with one of these forms.
    private static func subtrees(_ isIncluded: (Extent.Form) -> Bool) -> [InputKind] {
        ContentKinds.codedSubtrees.filter { isIncluded($0.blobForm) }.map { $0.inputKind }
    }
}

extension HandoverInput {
    /// The kind of `source`.
    static func kind(of source: InputSource, _ options: InputOptions) throws(InputError) -> InputKind {
        var attempts: [InputError.Attempt] = []
        if let name = options.kind ?? options.rawAddress.map({ _ in InputKind.raw.name }) {
            guard let kind = InputKind.all.first(where: { $0.name == name }) else {
                throw .noSuchKind(name: name, known: InputKind.all.map(\.name))
            }
            guard let reason = kind.refusal(of: source, isAsked: true) else { return kind }
            attempts.append(InputError.Attempt(kind: name, reason: reason))
            if let other = InputKind.all.first(where: { $0.refusal(of: source) == nil }) {
                attempts.append(InputError.Attempt(kind: other.name, reason: "was not tried, but would fit"))
            }
        } else {
            if let compression = source.compression { throw compression }
            if source.isFlattened, ImageForm.crashDump.refusal(source.prefix(ImageForm.prefix).span.bytes) != nil {
                throw .unreadable(
                    path: source.path, kind: "dump",
                    reason: "it is a flattened dump (makedumpfile -F), truncated or damaged at its beginning")
            }
            if let text = source.text { throw .notHandover(path: source.path, what: text) }
            for kind in InputKind.all where kind.isWorthTrying(on: source) {
                guard let reason = kind.refusal(of: source) else { return kind }
                attempts.append(InputError.Attempt(kind: kind.name, reason: reason))
            }
        }
        throw .notRecognised(path: source.path, attempts: attempts)
    }
}
