import KernelABI

/// What a file of a session says about the session's other files, such as the units for which systemd keeps them.
public struct SessionMapping: Hashable, Sendable {
    /// The kind that describes it.
    public var kind = ""
    /// The token of the file.
    public var token: UInt64 = 0
    /// The address of the file's first page.
    public var address: PhysicalAddress?
    /// The contents of the file; `nil` if they are not JSON.
    public var value: PayloadValue?
    /// The reason why the contents are not JSON.
    public var problem: String?
    /// The entries for files and sessions.
    public var entries: [Entry] = []

    /// A file or a session, and its name.
    public struct Entry: Hashable, Sendable {
        /// The path in the text: `units.a.service.fdstore[0]`.
        public var path: String
        /// The owner: what matches the first `*` of the description's path.
        public var group: String
        public var name: String
        /// The file's token, if it is a file of this session.
        public var token: UInt64?
        /// The name of a session.
        public var session: String?
    }

    /// The maximum size of the text that is read, in bytes.
    private static let largest: UInt64 = 4 << 20

    /// Reads the contents of the file; `nil` if they are not available.
    init?(
        of session: SessionState, _ kind: DescribedKind, _ form: KindMapping, _ context: ReadingContext,
        _ log: inout ReadingLog
    ) {
        guard let file = session.files?.first(where: { $0.token == form.token })?.fileContents, let size = file.size,
            size <= Self.largest, log.spend(size)
        else { return nil }
        let map = ContentsMap(
            of: file, FolioSizes(context.preserved, pageSize: context.pageSize), pageSize: context.pageSize)
        var text: [UInt8] = []
        for page in 0..<context.pageSize.pages(for: size) {
            let count = Int(min(size - UInt64(text.count), UInt64(context.pageSize.bytes)))
            guard let address = map.address(ofPage: page) else {
                text += [UInt8](repeating: 0, count: count)
                continue
            }
            guard let bytes = context.memory.copy(at: address, count: count) else { return nil }
            text += bytes
        }
        self.kind = kind.title
        token = form.token
        address = map.address(ofPage: 0)
        do throws(DocumentReadError) {
            let value = try PayloadValue(json: text)
            self.value = value
            value.visit(form.entries.split(separator: ".")[...]) { path, group, value in
                entries.append(
                    Entry(
                        path: path, group: group, name: value[form.name]?.text ?? "",
                        token: value[form.tokenKey]?.integer, session: value[form.sessionKey]?.text))
            }
        } catch {
            problem = "\(error)"
        }
    }

    /// A mapping given in a document.
    init(_ value: PayloadValue) {
        self.value = value
    }
}

extension SessionState {
    /// Creates the file for a mapping in the document, unless the session already has it.
    mutating func addMapping(by planner: inout HandoverPlanner, _ path: DocumentPath) {
        guard var value = mapping?.value else { return }
        let kinds = planner.options.kinds.candidates(named: name, at: .session, planner.generation)
        guard let kind = kinds.first as? DescribedKind, let form = kind.mapping else {
            return planner.reportUnbuildable(
                path["mapping"], "no kind describes the mapping of a session \(name.quoted)")
        }
        guard files?.contains(where: { $0.token == form.token }) != true else { return }
        if let version = kind.version, value[version.field] == nil, case .object(let members) = value {
            value = .object([.init(version.field, .number(version.values.last ?? 0))] + members)
        }
        let generation = planner.generation
        var file = FileState()
        file.token = form.token
        file.content = ContentKinds.coded.lazy.compactMap { $0.sealed("\(value)", generation) }.first
        files = [file] + (files ?? [])
    }
}

extension PayloadValue {
    fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
    fileprivate var integer: UInt64? { if case .number(let number) = self { number } else { nil } }

    /// Visits the values at the end of a path of keys; `*` matches each key of an object, or each element of an array.
    ///
    /// - Parameter body: Receives the value's path, what matches the first `*`, and the value.
    fileprivate func visit(
        _ path: ArraySlice<Substring>, at place: String = "", of group: String? = nil,
        _ body: (String, String, PayloadValue) -> Void
    ) {
        guard let key = path.first else { return body(place, group ?? "", self) }
        let rest = path.dropFirst()
        switch self {
        case .object(let members):
            for member in members where key == "*" || member.name == key {
                let group = key == "*" ? group ?? member.name : group
                member.value.visit(rest, at: place.isEmpty ? member.name : "\(place).\(member.name)", of: group, body)
            }
        case .array(let elements) where key == "*":
            for (index, element) in elements.enumerated() {
                element.visit(rest, at: "\(place)[\(index)]", of: group ?? "\(index)", body)
            }
        default: break
        }
    }
}
