import KernelABI

/// Where in a handover a payload hangs.
public enum ContentPlace: String, Hashable, Sendable, CaseIterable {
    /// A subtree of the root FDT: the blob itself.
    case subtree
    /// A preserved file: what the handle of its record leads to. C: `luo_file_ser.data`.
    case file
    /// A file-lifecycle-bound object: what the handle of its record leads to. C: `luo_flb_ser.data`.
    case flb
    /// A session: what one of its files says of the others.
    case session
}

/// How far a kind of content has come.
public enum ContentStatus: String, Hashable, Sendable, CaseIterable {
    /// Released kernels hand it over.
    case released
    /// It is queued for the next release.
    case queued
    /// It is in a series, or in a developer's tree.
    case series
}

/// Everything that is known about one kind of payload.
///
/// A kind is either described by a document (``DescribedKind``) or written in Swift where speed or form asks for it.
/// ``ContentKinds`` lists them; nothing else knows their names.
protocol ContentKind: Sendable {
    /// The name of the kind, for example `pci`.
    var name: String { get }
    /// What tells this layout from others of the same name, for example `2`; `nil` if there is one.
    var variant: String? { get }
    /// What a record, or a subtree, of this kind is called. C: `compatible`, or the name of the node.
    var names: [String] { get }

    /// Reads the payload that `handle` leads to.
    ///
    /// - Returns: `nil`, with a finding in the log, if nothing of it can be read.
    func read(_ handle: UInt64, owner: Owner, _ context: ReadingContext, _ log: inout ReadingLog) -> (any Content)?

    /// Reads a payload of this kind from a document.
    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> any Content
}

extension ContentKind {
    var variant: String? { nil }

    /// The kind and its layout, for messages: `pci 2`.
    var title: String { variant.map { "\(name) \($0)" } ?? name }
}
