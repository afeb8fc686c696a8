import KernelABI

/// Reads the targets of the handles of files and FLBs, according to the kinds for their names.
struct ContentReader {
    let context: ReadingContext
    let place: ContentPlace
    let generation: Generation?

    /// The maximum number of payloads of unknown kinds to examine: looking up each of a million files in the map of
    /// preserved memory takes longer than reading them.
    private static let mostUnknown = 4096

    /// Whether to examine further payloads of unknown kinds.
    func canReadUnknown(_ log: ReadingLog) -> Bool {
        context.preserved != nil && log.unknownPayloads < Self.mostUnknown
    }

    func candidates(named name: KernelString) -> [any ContentKind] {
        context.hasMemory ? context.kinds.candidates(named: name, at: place, generation) : []
    }

    func read(
        _ handle: UInt64, named name: KernelString, owner: Owner, _ log: inout ReadingLog
    ) -> (any Content)? {
        read(handle, as: candidates(named: name), owner: owner, &log)
    }

    /// Reads the payload that `handle` points to, as one of `candidates`; `nil` if nothing is known about it.
    func read(
        _ handle: UInt64, as candidates: [any ContentKind], owner: Owner, _ log: inout ReadingLog
    ) -> (any Content)? {
        guard !candidates.isEmpty else {
            guard canReadUnknown(log) else { return nil }
            log.unknownPayloads += 1
            return RawPayload.read(handle, owner: owner, context, &log)
        }
        return choose(among: candidates, owner: owner, &log) { kind, log in
            kind.read(handle, owner: owner, context, &log)
        }
    }

    /// Reads as the only candidate, or as the one that fits: with the version that the payload states, and the least
    /// damage.
    func choose(
        among candidates: [any ContentKind], owner: Owner, _ log: inout ReadingLog,
        _ read: (any ContentKind, inout ReadingLog) -> (any Content)?
    ) -> (any Content)? {
        if candidates.count == 1 {
            let content = read(candidates[0], &log)
            content?.reportVersion(owner: owner, among: candidates, &log)
            return content
        }
        var best: (content: (any Content)?, log: ReadingLog, damage: Int, fits: Bool)?
        var equals: [String] = []
        for kind in candidates {
            var trial = log
            let content = read(kind, &trial)
            let payload = content as? Payload
            let fits =
                payload.map { payload in payload.root.map { payload.described.isVersion(of: $0) } ?? true } ?? false
            let damage = trial.findings.count - log.findings.count + (payload?.implausibility(in: context) ?? 1)
            if let best, (best.fits, -best.damage) > (fits, -damage) { continue }
            if let best, best.fits == fits, best.damage == damage {
                if fits { equals.append(kind.title) }
                continue
            }
            best = (content, trial, damage, fits)
            equals = [kind.title]
        }
        guard let best else { return nil }
        log = best.log
        if !best.fits, let payload = best.content as? Payload {
            payload.reportVersion(owner: owner, among: candidates, &log)
            return nil
        }
        if equals.count > 1 {
            log.report(
                .ambiguous, .unknown, of: owner, at: Place(candidates[0].name),
                found: "a payload of \(owner) that fits several layouts: \(equals.joined(separator: ", "))",
                expected: "--kind \(candidates[0].name)=LAYOUT; shown as \(equals[0])")
        }
        return best.content
    }
}

private func > (left: (Bool, Int), right: (Bool, Int)) -> Bool {
    left.0 == right.0 ? left.1 > right.1 : left.0
}

extension Payload {
    func reportVersion(owner: Owner, among candidates: [any ContentKind], _ log: inout ReadingLog) {
        guard let version = described.version, let root, !described.isVersion(of: root) else { return }
        let known = candidates.compactMap { ($0 as? DescribedKind)?.version?.values }.flatMap { $0 }
        log.report(
            .version, of: owner,
            at: Place(
                root.layout.name, field: version.field,
                at: root.places.first?.address?.advanced(
                    by: UInt64(root.layout.member(named: version.field)?.offset ?? 0))),
            found: "\(root.number(version.field, of: 0) ?? 0)",
            expected: (known.count == 1 ? "version " : "one of the versions ")
                + known.map(String.init).joined(separator: ", "))
    }

    /// The number of contradictions between the payload and its layout: nonzero padding or bytes after its end, and
    /// unterminated names.
    func implausibility(in context: ReadingContext) -> Int {
        guard let root else { return 0 }
        let end = root.places.first?.address?.advanced(by: UInt64(blob.count - rest.count))
        let page = UInt64(context.pageSize.bytes)
        // A kernel clears a page before storing a structure in it.
        let behind = end.flatMap { end in
            end.rawValue % page == 0
                ? nil : context.memory.copy(at: end, count: Int(min(64, page - end.rawValue % page)))
        }
        return Self.implausibility(of: root) + (behind?.contains { $0 != 0 } ?? !rest.isEmpty ? 1 : 0)
    }

    private static func implausibility(of records: PayloadRecords) -> Int {
        let bytes = records.bytes.span.bytes
        var count = 0
        for record in 0..<min(records.count, 64) {
            let base = records.base(of: record)
            for member in records.layout.members {
                switch member.type {
                case .characters(let size):
                    let text = CharacterField(name: member.name, offset: member.offset, count: size).read(
                        bytes, at: base)
                    if !text.isTerminated { count += 1 }
                case .bytes(let size) where member.meaning == .padding:
                    if (0..<size).contains(where: { bytes.number(at: base + member.offset + $0, width: 1) != 0 }) {
                        count += 1
                    }
                case .number where member.meaning == .padding:
                    if member.number(bytes, at: base) != 0 { count += 1 }
                default: break
                }
            }
        }
        return count
            + records.targets.joined().reduce(0) { $0 + ($1.records.map { implausibility(of: $0.records) } ?? 0) }
    }
}
