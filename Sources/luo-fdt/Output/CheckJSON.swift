import Handover
import KernelABI

/// Reports as JSON: what a gate or a log line needs, without parsing text.
enum CheckJSON {
    static func write(_ reports: [CheckReport], to output: OutputStream) {
        output.writeJSON { $0.array(objects: reports) { $0.report($1) } }
    }

    /// Writes one line per input.
    static func writeLines(_ reports: [CheckReport], to output: OutputStream) {
        var writer = DocumentWriter { output.write($0) }
        for report in reports {
            writer.object(compact: true) { $0.report(report) }
            writer.endLine()
        }
        writer.flushRest()
    }
}

extension DocumentWriter {
    fileprivate mutating func report(_ report: CheckReport) {
        member("input", report.path?.string)
        member("part", report.subject?.part)
        member("side", report.subject?.side?.rawValue)
        guard let check = report.check else {
            member("error", report.failure ?? "")
            member("status", report.outcome.status)
            member("findings", strings: [])
            return
        }
        let others = report.subject?.reading?.otherGenerations ?? []
        member("kernel", check.generation.name)
        member("releases", strings: ([check.generation] + others).flatMap(\.releases).sorted().map(\.description))
        member("verdict", check.verdict.rawValue)
        member("status", report.outcome.status)
        if let subject = report.subject { self.summary(of: subject) }
        member("findings", objects: check.results) { $0.finding($1, check.generation) }
    }

    /// Numbers that summarize the input; those that it does not show are omitted.
    private mutating func summary(of subject: CheckSubject) {
        let state = subject.reading?.state
        member("page_size", subject.pageSize.bytes)
        member("written_by", state?.releaseText)
        name("previous_release", state?.writer)
        member("liveupdate_number", state?.luo?.liveUpdateNumber)
        if !subject.scratch.isEmpty {
            member("scratch", objects: subject.scratch, compact: true) { writer, range in
                writer.member("start", range.lowerBound.description)
                writer.member("size", range.upperBound.rawValue - range.lowerBound.rawValue)
            }
            member("scratch_bytes", subject.scratchSize)
        }
        if let sessions = state?.luo?.sessions {
            member("sessions", sessions.count)
            member("files", sessions.reduce(0) { $0 &+ UInt64($1.files?.count ?? 0) })
            if sessions.contains(where: \.hasUnreadFiles) { member("files_incomplete", true) }
        }
        member("flbs", state?.luo?.flbs?.count)
        member("regions", state?.memblock?.regions?.count)
        member("preserved_bytes", (state?.preserved?.pages).map { $0 &* UInt64(subject.pageSize.bytes) })
    }

    /// Writes a name, if it is plausible; see ``KernelString/named``.
    private mutating func name(_ key: String, _ name: KernelString?) {
        if let name, name.isText { member(key, name.repaired) }
    }

    private mutating func finding(_ result: HandoverCheck.Result, _ generation: Generation) {
        let finding = result.finding
        member("rule", result.rule.name)
        member("severity", result.severity.rawValue)
        member("verdict", result.verdict.rawValue)
        member("cause", finding.cause.rawValue)
        member("owner", finding.owner.description)
        switch finding.owner {
        case .session(let name, _): self.name("session", name)
        case .file(let session, let token):
            name("session", session)
            member("token", hex: token)
        case .flb(let name): self.name("flb", name)
        case .region(let name): self.name("region", name)
        case .subtree(let name): member("subtree", name)
        default: break
        }
        member("structure", finding.place.structure)
        member("field", finding.place.field)
        member("address", finding.place.address?.description)
        member("found", finding.found)
        member("expected", finding.expected)
        if result.group.others > 0 { member("others", result.group.others) }
        let owners = result.group.otherOwners
        if !owners.isEmpty { member("others_of", strings: owners.map(\.description)) }
        member("consequence", result.rule.consequence)
        member("function", result.rule.function(of: generation))
        member("errno", result.rule.errno?.rawValue)
        member("symptom", result.rule.symptom)
        member("defect", result.defect?.name)
    }
}
