import KernelABI

/// What a payload belongs to.
public enum ContentPlace: String, Hashable, Sendable, CaseIterable {
    /// A subtree of the root FDT: the blob itself.
    case subtree
    /// A preserved file: the target of the handle in its record. C: `luo_file_ser.data`.
    case file
    /// A file-lifecycle-bound object: the target of the handle in its record. C: `luo_flb_ser.data`.
    case flb
    /// A session: what one of its files says about the others.
    case session
}

/// The development status of a kind of content.
public enum ContentStatus: String, Hashable, Sendable, CaseIterable {
    /// Used by released kernels.
    case released
    /// Queued for the next release.
    case queued
    /// In a patch series, or in a developer's tree.
    case series
}

/// Everything that is known about one kind of payload.
///
/// A kind is either described by a document (``DescribedKind``) or implemented in Swift for speed or because of its
/// form. ``ContentKinds`` lists them; nothing else knows their names.
protocol ContentKind: Sendable {
    /// The name of the kind, for example `pci`.
    var name: String { get }
    /// Distinguishes this layout from others with the same name, for example `2`; `nil` if there is only one.
    var variant: String? { get }
    /// The names of a record or subtree of this kind. C: `compatible`, or the name of the node.
    var names: [String] { get }

    /// Reads the payload that `handle` points to.
    ///
    /// - Returns: `nil`, with a finding in the log, if nothing in it can be read.
    func read(_ handle: UInt64, owner: Owner, _ context: ReadingContext, _ log: inout ReadingLog) -> (any Content)?

    /// Reads a payload of this kind from a document.
    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> any Content
}

extension ContentKind {
    var variant: String? { nil }

    /// The kind and its layout, for messages: `pci 2`.
    var title: String { variant.map { "\(name) \($0)" } ?? name }
}
