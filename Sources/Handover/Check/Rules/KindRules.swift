import KernelABI

extension CheckRule {
    /// The rules of described kinds: each once, even if several layouts of a kind have it.
    static func rules(of kinds: ContentKinds) -> [CheckRule] {
        var names: Set<String> = []
        return kinds.all.flatMap { kind in
            kind.rules.filter { names.insert($0.name).inserted }.map { CheckRule($0, of: kind) }
        }
    }

    private init(_ rule: KindRule, of kind: DescribedKind) {
        let name = rule.name
        self.init(
            name, rule.verdict == .accepted ? .warning : .error, rule.verdict, at: rule.stage,
            about: "\(kind.name)\(rule.field.map { ".\($0)" } ?? ""): \(rule.test.summary)", then: rule.consequence,
            in: rule.function,
            explained: RuleExplanation(
                kernels: kind.source ?? "those that have kind \(kind.name)",
                rule.remedy ?? "Compare with what the previous kernel meant to preserve (dump)."),
            claims: { finding, handover in
                handover.kinds(of: finding.owner).contains { kind in
                    kind.rules.contains { rule in rule.name == name && rule.test.claims(finding, rule, kind) }
                }
            },
            find: { handover, findings in
                for payload in handover.payloads {
                    for rule in payload.kind.rules where rule.name == name {
                        rule.test.find(rule, payload, &findings)
                    }
                }
            })
    }
}

/// The test of a rule in a description.
struct KindTest: RawRepresentable, CaseIterable, Hashable, Sendable {
    let rawValue: String
    /// The fault if the test fails.
    let summary: String
    /// The required type of its field.
    let subject: Subject
    /// Whether a finding of the readers is about this rule.
    let claims: @Sendable (Finding, KindRule, DescribedKind) -> Bool
    /// Detects what the readers do not report.
    let find: @Sendable (KindRule, ReceivedPayload, inout RuleFindings) -> Void

    enum Subject: String {
        case mapping = "a \"mapping\" of a session"
        case token = "a number, or a mapping"
        case version = "a \"version\" of the kind"
        case records = "a field that refers to records"
        case count = "a field that counts records"
        case number = "a number"
    }

    static let unique = KindTest(
        "unique", "duplicate records", .records,
        find: { rule, payload, findings in
            var seen: Set<[UInt64]> = []
            let fields = rule.by ?? []
            payload.visit("\(rule.field ?? "").\(fields.first ?? "")", by: rule) { field in
                let key = fields.map { field.records.number($0, of: field.record) ?? 0 }
                guard !seen.insert(key).inserted else { return }
                findings.report(
                    .duplicate, of: payload.owner, at: field.place,
                    found: zip(fields, key).map { "\($0) \($1.prefixedHex)" }.joined(separator: ", ") + " again",
                    expected: "no duplicates")
            }
        })

    /// A count of records that a field states.
    private static func count(
        _ name: String, _ summary: String, expected: String, _ isWrong: @escaping @Sendable (UInt64, UInt64) -> Bool
    ) -> KindTest {
        KindTest(
            name, summary, .count,
            find: { rule, payload, findings in
                // Unread records cannot be counted.
                guard payload.isWhole else { return }
                payload.visit(rule.field ?? "", by: rule) { field in
                    guard let number = field.number, let counted = field.counted, isWrong(number, counted) else {
                        return
                    }
                    findings.report(
                        .mismatch, of: payload.owner, at: field.place, found: "\(number)",
                        expected: "\(expected)\(counted)")
                }
            })
    }

    static let allCases = [
        KindTest(
            "version", "an unknown version", .version, claims: { finding, _, _ in finding.cause == .version },
            find: { _, payload, findings in
                guard let value = payload.mapping?.value, let version = payload.kind.version else { return }
                let found = value[version.field]
                guard !version.values.contains(where: { found == .number($0) }) else { return }
                findings.report(
                    .version, of: payload.owner, at: payload.textPlace(version.field),
                    found: found.map { "\($0)" } ?? "no version",
                    expected: version.values.map(String.init).joined(separator: ", "))
            }),
        KindTest(
            "chain", "records that cannot be reached", .records,
            claims: { finding, rule, kind in
                let link = kind.root?.field(at: rule.field ?? "", kind.layouts)?.link
                return finding.cause != .version && link?.structures.contains(finding.place.structure) ?? false
            }),
        unique,
        count("count", "a wrong number of records", expected: "") { $0 != $1 },
        count("excess", "a number of records that is too large", expected: "at most ") { $0 > $1 },
        KindTest(
            "limit", "a number that is too small or too large", .number,
            find: { rule, payload, findings in
                payload.visit(rule.field ?? "", by: rule) { field in
                    guard let number = field.number else { return }
                    let signed = field.member.isSigned ? field.member.signed(number) : nil
                    let isNegative = signed ?? 0 < 0
                    let isTooSmall = rule.least.map { isNegative || number < $0 } ?? false
                    guard isTooSmall || !isNegative && number > rule.most ?? .max else { return }
                    let least = rule.least.map { "\($0)" } ?? (signed == nil ? "0" : nil)
                    findings.report(
                        .outOfRange, of: payload.owner, at: field.place, found: signed.map { "\($0)" } ?? "\(number)",
                        expected: rule.most.map { most in least.map { "\($0) to \(most)" } ?? "at most \(most)" }
                            ?? "\(least ?? "0") or more")
                }
            }),
        KindTest(
            "token", "a token that is not in the session", .token,
            find: { rule, payload, findings in
                guard let tokens = payload.tokens else { return }
                for entry in payload.mapping?.entries ?? [] {
                    // An entry that names a session is no file's.
                    guard entry.token.map({ !tokens.contains($0) }) ?? (entry.session == nil) else { continue }
                    findings.report(
                        .missing, of: payload.owner, at: payload.textPlace(entry.path),
                        found: "\(entry.token.map { "token \($0.prefixedHex)" } ?? "no token"), "
                            + ImageText(entry.name).quoted,
                        expected: "the token of a file of the session")
                }
                payload.visit(rule.field ?? "", by: rule) { field in
                    guard let token = field.number, !tokens.contains(token) || payload.owner.hasToken(token) else {
                        return
                    }
                    findings.report(
                        .missing, of: payload.owner, at: field.place, found: "token \(token.prefixedHex)",
                        expected: "the token of another file of the session")
                }
            }),
        KindTest(
            "session", "the name of a session that does not exist", .mapping,
            find: { _, payload, findings in
                for entry in payload.mapping?.entries ?? [] {
                    guard let session = entry.session, !payload.sessions.contains(KernelString(session)) else {
                        continue
                    }
                    findings.report(
                        .missing, of: payload.owner, at: payload.textPlace(entry.path),
                        found: "session \(ImageText(session).quoted)", expected: "the name of a session")
                }
            }),
        KindTest(
            "json", "text that is not JSON", .mapping,
            find: { _, payload, findings in
                guard let problem = payload.mapping?.problem else { return }
                findings.report(
                    .outOfRange, of: payload.owner, at: payload.textPlace(nil), found: problem, expected: "JSON")
            }),
    ]

    private init(
        _ name: String, _ summary: String, _ subject: Subject,
        claims: @escaping @Sendable (Finding, KindRule, DescribedKind) -> Bool = { _, _, _ in false },
        find: @escaping @Sendable (KindRule, ReceivedPayload, inout RuleFindings) -> Void = { _, _, _ in }
    ) {
        rawValue = name
        self.summary = summary
        self.subject = subject
        self.claims = claims
        self.find = find
    }

    init?(rawValue: String) {
        guard let test = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = test
    }

    static func == (left: Self, right: Self) -> Bool { left.rawValue == right.rawValue }
    func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}

/// A described payload received by a kernel.
struct ReceivedPayload: Sendable {
    let owner: Owner
    let kind: DescribedKind
    /// Its structure; `nil` if it is text.
    let root: PayloadRecords?
    /// The contents of its text.
    var mapping: SessionMapping?
    /// The names of all sessions, if it is text.
    var sessions: Set<KernelString> = []
    /// Whether the readers found no damage in it.
    let isWhole: Bool
    /// The tokens in its session; `nil` if it is not in a session.
    let tokens: Set<UInt64>?

    /// The payloads whose kinds have rules.
    static func all(
        of state: HandoverState, _ kinds: ContentKinds, _ damaged: Set<Owner>
    ) -> [ReceivedPayload] {
        var list: [ReceivedPayload] = []
        func add(
            _ content: (any Content)?, _ owner: @autoclosure () -> Owner,
            _ tokens: @autoclosure () -> Set<UInt64>? = nil
        ) {
            guard let payload = content as? Payload, let root = payload.root, !payload.described.rules.isEmpty
            else { return }
            let owner = owner()
            list.append(
                ReceivedPayload(
                    owner: owner, kind: payload.described, root: root, isWhole: !damaged.contains(owner),
                    tokens: tokens()))
        }
        for subtree in state.kho?.subtrees ?? [] { add(subtree.content, .subtree(subtree.name.repaired)) }
        for session in state.luo?.sessions ?? [] {
            let files = session.files ?? []
            // Most sessions have no payload that refers to a token.
            lazy var tokens = Set(files.map(\.token))
            files.forEachPayload { _, file, payload in
                add(payload, .file(session: session.name, token: file.token), tokens)
            }
            if let mapping = session.mapping, let kind = kinds.all.first(where: { $0.title == mapping.kind }) {
                let names = Set(state.luo?.sessions?.map(\.name) ?? [])
                list.append(
                    ReceivedPayload(
                        owner: .file(session: session.name, token: mapping.token), kind: kind, root: nil,
                        mapping: mapping, sessions: names, isWhole: true, tokens: tokens))
            }
        }
        for flb in state.luo?.flbs ?? [] { add(flb.content, .flb(flb.name)) }
        return list
    }

    /// Visits the fields at the end of a path, in the records that a rule applies to.
    fileprivate func visit(_ path: String, by rule: KindRule, _ body: (PayloadField) -> Void) {
        root?.visit(path) { field in
            if let nonzero = rule.nonzero, field.records.number(nonzero, of: field.record) == 0 { return }
            body(field)
        }
    }
}

extension ReceivedPayload {
    /// A position in the text.
    fileprivate func textPlace(_ path: String?) -> Place {
        Place("mapping", field: path.map { ImageText($0).bare }, at: mapping?.address)
    }
}

extension PayloadLink {
    /// The names of the structures on the path to the records, and of the records.
    fileprivate var structures: [String] {
        let container: [String] =
            switch self {
            case .blockChain: [BlockHeaderLayout.layout.structure.name]
            case .arrayChain(_, let header): [header.structure]
            case .vmalloc:
                [VmallocLayout.layout.structure.name, VmallocChunkLayout.layout(.kib4).structure.name]
            default: []
            }
        return container + [target].compactMap(\.self)
    }
}

extension Owner {
    fileprivate func hasToken(_ token: UInt64) -> Bool {
        if case .file(_, token) = self { true } else { false }
    }
}
