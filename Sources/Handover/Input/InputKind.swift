import SystemPackage

/// A kind of input: its name, how it is recognised, and how it is read.
///
/// ``all`` is the whole list. A new kind is a new entry there.
public struct InputKind: Sendable {
    /// The name by which the kind is asked for.
    public let name: String
    /// What it is, in a few words.
    public let summary: String
    /// Why an input is not of this kind, or `nil` where it is.
    let refusal: @Sendable (InputSource) -> String?
    let read: @Sendable (InputSource, InputContext) throws(InputError) -> [HandoverDocument]

    /// All kinds, in the order in which they are tried: those with a mark of their own first.
    public static let all: [InputKind] = [
        .debugfs, .elf, .root, .luoTree, .memblock, .tree, .luoRecord, .kexecMetadata, .flbs, .crashDump,
    ]
}

extension HandoverInput {
    /// The kind that `source` is of.
    static func kind(of source: InputSource, asked name: String?) throws(InputError) -> InputKind {
        var attempts: [InputError.Attempt] = []
        if let name {
            guard let kind = InputKind.all.first(where: { $0.name == name }) else {
                throw .noSuchKind(name: name, known: InputKind.all.map(\.name))
            }
            guard let reason = kind.refusal(source) else { return kind }
            attempts.append(InputError.Attempt(kind: name, reason: reason))
            if let other = InputKind.all.first(where: { $0.refusal(source) == nil }) {
                attempts.append(InputError.Attempt(kind: other.name, reason: "was not tried, and would fit"))
            }
        } else {
            for kind in InputKind.all {
                guard let reason = kind.refusal(source) else { return kind }
                attempts.append(InputError.Attempt(kind: kind.name, reason: reason))
            }
        }
        throw .notRecognised(path: source.path, attempts: attempts)
    }
}
