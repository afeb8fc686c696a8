import KernelABI

/// A payload that was read, or is to be written.
///
/// Readers, documents and writers all use this type. Defaults are for a payload without memory of its own.
protocol Content: Hashable, Sendable {
    /// The kind and its layout, for messages: `pci 2`.
    var title: String { get }
    /// The key of the content in the document of its file, FLB or subtree.
    var documentKey: String { get }

    /// Writes the value of ``documentKey``.
    func write(to writer: inout DocumentWriter)

    /// Fills in missing values, as the kernel would; reports to the planner what no kernel would write.
    ///
    /// - Parameter name: The name of the handler, FLB or subtree; `nil` if the document leaves it to the content.
    mutating func complete(
        name: inout KernelString?, by planner: inout HandoverPlanner, _ path: DocumentPath)

    /// Visits every allocation of the content, in assignment order.
    ///
    /// - Parameter handle: The handle in the record of the file or FLB; `nil` until it is assigned.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        handle: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, by planner: inout HandoverPlanner,
        _ visitor: inout Visitor)

    /// Writes the content, after completion by the planner.
    func write<Destination: PieceDestination>(
        handle: UInt64, name: KernelString?, owner: Owner, path: String,
        to writer: inout ImageWriter<Destination>) throws(WriteError)

    /// The file contents that it describes, if it belongs to a file.
    var fileContents: FileContents? { get }

    /// Notes differences from another content, member by member; `false` if it cannot compare them.
    func compare(to other: any Content, _ subject: Comparison.Subject, by comparison: inout Comparison) -> Bool

    /// Reports if none of the candidates has the version of the payload.
    func reportVersion(owner: Owner, among candidates: [any ContentKind], _ log: inout ReadingLog)

    /// Removes what was not read, so that nothing is invented in its place.
    mutating func forgetUnread()

    /// Zeroes bytes that a document does not represent: those after a NUL, and those outside fields.
    mutating func forgetUnsaid()

    /// What `dump` shows about it on one line, in columns.
    var cells: [ContentCell] { get }
    /// The records that it refers to.
    var lists: [ContentList] { get }
}

/// A column in the line that shows a content.
public struct ContentCell: Hashable, Sendable {
    /// The role of the text.
    public enum Role: Hashable, Sendable {
        case plain, heading, name, address, faint, warning
        /// A number of bytes, without text.
        case byteCount(UInt64)
    }

    public var text: String
    public var role: Role

    init(_ text: String, _ role: Role = .plain) {
        self.text = text
        self.role = role
    }

    /// The names of the bits that are set, with unnamed bits as a number; `none` for 0.
    public static func flags(_ value: UInt64, names: [String]) -> String {
        guard value != 0 else { return "none" }
        var parts = names.indices.filter { $0 < 64 && value >> UInt64($0) & 1 != 0 }.map { names[$0] }
        let rest = names.count < 64 ? value & (~0 << UInt64(names.count)) : 0
        if rest != 0 { parts.append(rest.prefixedHex) }
        return parts.joined(separator: "|")
    }
}

extension Content {
    var fileContents: FileContents? { nil }
    var lists: [ContentList] { [] }
    func compare(to other: any Content, _ subject: Comparison.Subject, by comparison: inout Comparison) -> Bool {
        false
    }
    func reportVersion(owner: Owner, among candidates: [any ContentKind], _ log: inout ReadingLog) {}
    mutating func forgetUnread() {}
    mutating func forgetUnsaid() {}
}

extension Equatable {
    /// Whether `other` is of the same type, and the same.
    func isEqual(to other: Any) -> Bool { (other as? Self) == self }
}

/// A content of any kind as a part of the state.
struct AnyContent: Hashable, Sendable {
    var content: any Content

    init(_ content: any Content) {
        self.content = content
    }

    static func == (left: Self, right: Self) -> Bool { left.content.isEqual(to: right.content) }

    func hash(into hasher: inout Hasher) { content.hash(into: &hasher) }
}

/// The bytes of a preserved file: their number, and the addresses of the pages.
public struct FileContents: Sendable {
    /// The size of the file in bytes; `nil` if unknown.
    public var size: UInt64?
    /// The file position in bytes; `nil` if the handover does not state it.
    public var position: UInt64?
    /// The folios listed in the handover; `nil` if the list was not read.
    public var folios: [FolioState]?
    /// The number of folios stated in the handover; `nil` if it states none.
    public var statedCount: UInt64?
    /// The contents to write to the file.
    public var source: Source?
    /// Whether a page without a folio is zero; otherwise the kernel would have listed a folio for it.
    public var hasHoles = true
    /// The usual flags of folios, and the names of the bits; `nil` if folios have none.
    public var usualFlags: (value: UInt64, names: [String])?

    /// Whether bytes without a folio are unknown: folios are missing from the list, or the list does not omit holes.
    var isIncomplete: Bool { !hasHoles || folios.map { UInt64($0.count) < statedCount ?? 0 } ?? true }

    /// The contents of a file from its beginning, followed by zeros.
    public enum Source: Hashable, Sendable {
        /// In a file with this name.
        case file(String)
        case text(String)
        case bytes([UInt8])
    }
}

extension FileContents.Source {
    /// The keys for contents in a document; at most one is used.
    static let keys = ["content", "text", "base64"]

    /// The key of this form.
    var key: String {
        switch self {
        case .file: "content"
        case .text: "text"
        case .bytes: "base64"
        }
    }

    /// Reads the value of one of ``keys``.
    static func read(_ key: String, from reader: inout DocumentReader) throws(DocumentReadError) -> Self {
        switch key {
        case "content": .file(try StringCodec().read(from: &reader))
        case "text": .text(try StringCodec().read(from: &reader))
        default: .bytes(try BytesCodec().read(from: &reader))
        }
    }

    func write(to writer: inout DocumentWriter) {
        switch self {
        case .file(let name): writer.string(name)
        case .text(let text): writer.string(text)
        case .bytes(let bytes): writer.base64(bytes)
        }
    }
}
