import KernelABI

/// A payload that was read, or is to be written.
///
/// What the reader found, a document describes and the writer lays out are values of this one type. The defaults are
/// those of a payload without memory of its own.
protocol Content: Hashable, Sendable {
    /// The kind and its layout, for messages: `pci 2`.
    var title: String { get }
    /// The key of the content in the document of the file, FLB or subtree that it belongs to.
    var documentKey: String { get }

    /// Writes the value of ``documentKey``.
    func write(to writer: inout DocumentWriter)

    /// Fills in what is not given, as the kernel would; what no kernel would write is reported to the planner.
    ///
    /// - Parameter name: the name of the handler, FLB or subtree; `nil` if the document leaves it to the content.
    mutating func complete(
        name: inout KernelString?, by planner: inout HandoverPlanner, _ path: DocumentPath)

    /// Visits every allocation of the content, in the order in which addresses are assigned.
    ///
    /// - Parameter handle: what the record of the file or FLB holds; `nil` until it is assigned.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        handle: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, by planner: inout HandoverPlanner,
        _ visitor: inout Visitor)

    /// Writes the content, complete as the planner has left it.
    func write<Destination: PieceDestination>(
        handle: UInt64, name: KernelString?, owner: Owner, path: String,
        to writer: inout ImageWriter<Destination>) throws(WriteError)

    /// The bytes of a file that the content describes, if it is a file's.
    var fileContents: FileContents? { get }

    /// Notes what is not the same in another content, member by member; `false` if it cannot tell.
    func compare(to other: any Content, _ subject: Comparison.Subject, by comparison: inout Comparison) -> Bool

    /// Leaves out what was not read, so that nothing is made up in its place.
    mutating func forgetUnread()

    /// Makes zero what a document does not say: the bytes behind a NUL, and those of no field.
    mutating func forgetUnsaid()

    /// What `dump` shows of it on one line, in columns.
    var cells: [ContentCell] { get }
    /// The records that it leads to.
    var lists: [ContentList] { get }
}

/// A column of the line that shows a content.
public struct ContentCell: Hashable, Sendable {
    /// What a reader of the line should make of it.
    public enum Role: Hashable, Sendable {
        case plain, heading, name, address, faint, warning
        /// A number of bytes, which has no text besides.
        case byteCount(UInt64)
    }

    public var text: String
    public var role: Role

    init(_ text: String, _ role: Role = .plain) {
        self.text = text
        self.role = role
    }

    /// The names of the bits that are set; bits without a name as a number; `none` for 0.
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

/// The bytes of a preserved file: how many there are, and where in memory its pages are.
public struct FileContents: Sendable {
    /// The size of the file in bytes; `nil` if it is not known.
    public var size: UInt64?
    /// Where the file is read and written next, in bytes; `nil` if the handover does not say it.
    public var position: UInt64?
    /// The folios, as the handover lists them; `nil` if the list was not read.
    public var folios: [FolioState]?
    /// The number of folios that the handover states; `nil` if it states none.
    public var statedCount: UInt64?
    /// What is in the file, where it is to be written.
    public var source: Source?
    /// Whether a page that no folio holds is one of zeros; else the kernel would have listed a folio for it.
    public var hasHoles = true
    /// The flags that folios mostly have, and the names of the bits; `nil` if folios have none.
    public var usualFlags: (value: UInt64, names: [String])?

    /// Whether what no folio holds may be anything: folios are missing from the list, or holes are not left out of it.
    var isIncomplete: Bool { !hasHoles || folios.map { UInt64($0.count) < statedCount ?? 0 } ?? true }

    /// The contents of a file, from its beginning; what follows is zero.
    public enum Source: Hashable, Sendable {
        /// In a file of this name.
        case file(String)
        case text(String)
        case bytes([UInt8])
    }
}

extension FileContents.Source {
    /// The keys by which a document gives contents; one of them at most.
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
