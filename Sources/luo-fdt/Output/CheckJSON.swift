import Handover
import KernelABI

/// Reports as JSON: what a gate or a line of a log needs, without parsing text.
enum CheckJSON {
    static func write(_ reports: [CheckReport], to output: OutputStream) {
        var writer = DocumentWriter { output.write($0) }
        writer.array { writer in
            for report in reports {
                writer.element()
                writer.object { $0.report(report) }
            }
        }
        writer.finish()
    }

    /// Writes a line for each input.
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
    mutating func member(_ key: String, _ value: String) {
        self.key(key)
        string(value)
    }

    mutating func member(_ key: String, _ value: UInt64) {
        self.key(key)
        number(value)
    }

    mutating func list(_ key: String, _ body: (inout DocumentWriter) -> Void) {
        self.key(key)
        array { body(&$0) }
    }

    fileprivate mutating func report(_ report: CheckReport) {
        if let path = report.path { member("input", path.string) }
        if let part = report.subject?.part { member("part", part) }
        if let side = report.subject?.side { member("side", side.rawValue) }
        guard let check = report.check else {
            member("error", report.failure ?? "")
            member("status", UInt64(report.outcome.status))
            list("findings") { _ in }
            return
        }
        member("kernel", check.generation.name)
        list("releases") { writer in
            let others = report.subject?.reading?.otherGenerations ?? []
            for release in ([check.generation] + others).flatMap(\.releases).sorted() {
                writer.element()
                writer.string(release.description)
            }
        }
        member("verdict", check.verdict.rawValue)
        member("status", UInt64(report.outcome.status))
        if let subject = report.subject { self.summary(of: subject) }
        list("findings") { writer in
            for result in check.results {
                writer.element()
                writer.object { $0.finding(result, check.generation) }
            }
        }
    }

    /// What the input shows, in numbers; those that it does not show are missing.
    private mutating func summary(of subject: CheckSubject) {
        let state = subject.reading?.state
        member("page_size", UInt64(subject.pageSize.bytes))
        if let release = state?.releaseText { member("written_by", release) }
        if let release = state?.writer { name("previous_release", release) }
        if let number = state?.luo?.liveUpdateNumber { member("liveupdate_number", number) }
        if !subject.scratch.isEmpty {
            list("scratch") { writer in
                for range in subject.scratch {
                    writer.element()
                    writer.object(compact: true) { writer in
                        writer.member("start", range.lowerBound.description)
                        writer.member("size", range.upperBound.rawValue - range.lowerBound.rawValue)
                    }
                }
            }
            member("scratch_bytes", subject.scratchSize)
        }
        if let sessions = state?.luo?.sessions {
            member("sessions", UInt64(sessions.count))
            member("files", sessions.reduce(0) { $0 &+ UInt64($1.files?.count ?? 0) })
            if sessions.contains(where: \.hasUnreadFiles) {
                key("files_incomplete")
                boolean(true)
            }
        }
        if let flbs = state?.luo?.flbs { member("flbs", UInt64(flbs.count)) }
        if let regions = state?.memblock?.regions { member("regions", UInt64(regions.count)) }
        if let pages = state?.preserved?.pages {
            member("preserved_bytes", pages &* UInt64(subject.pageSize.bytes))
        }
    }

    /// A name that can be one; see ``KernelString/named``.
    private mutating func name(_ key: String, _ name: KernelString) {
        if name.isText { member(key, name.repaired) }
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
            member("token", "0x" + String(token, radix: 16))
        case .flb(let name): self.name("flb", name)
        case .region(let name): self.name("region", name)
        case .subtree(let name): member("subtree", name)
        default: break
        }
        member("structure", finding.place.structure)
        if let field = finding.place.field { member("field", field) }
        if let address = finding.place.address { member("address", address.description) }
        member("found", finding.found)
        member("expected", finding.expected)
        if result.group.others > 0 { member("others", UInt64(result.group.others)) }
        if !result.group.otherOwners.isEmpty {
            list("others_of") { writer in
                for owner in result.group.otherOwners {
                    writer.element()
                    writer.string(owner.description)
                }
            }
        }
        member("consequence", result.rule.consequence)
        if let function = result.rule.function(of: generation) { member("function", function) }
        if let errno = result.rule.errno { member("errno", errno.rawValue) }
        if let symptom = result.rule.symptom { member("symptom", symptom) }
        if let defect = result.defect { member("defect", defect.name) }
    }
}
