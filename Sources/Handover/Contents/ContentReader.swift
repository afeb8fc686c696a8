import KernelABI

/// Reads what the handles of files and FLBs lead to, as the kind that their names belong to.
struct ContentReader {
    let context: ReadingContext
    let place: ContentPlace
    let generation: Generation?

    /// The number of payloads of unknown kinds that are looked at: to look each of a million files up in the map of
    /// preserved memory takes longer than to read them.
    private static let mostUnknown = 4096

    /// Whether payloads of unknown kinds are still looked at.
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

    /// Reads the payload that `handle` leads to, as one of `candidates`; `nil` if nothing is known of it.
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

    /// Reads by the one candidate, or by the one that fits: with the version that it states, and the least damage.
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
                expected: "--kind \(candidates[0].name)=LAYOUT; it is shown as \(equals[0])")
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

    /// How much of the payload does not look like its layout: padding, or bytes behind its end, that are not zero, and
    /// names without an end.
    func implausibility(in context: ReadingContext) -> Int {
        guard let root else { return 0 }
        let end = root.places.first?.address?.advanced(by: UInt64(blob.count - rest.count))
        let page = UInt64(context.pageSize.bytes)
        // A kernel clears a page before it puts a structure into it.
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
