import ArgumentParser
import Foundation
import Handover
import KernelABI
import KernelBoot
import SystemPackage

/// A handover to be judged by `check` and by a kernel.
struct Trial: Sendable {
    var name: String
    /// What is wrong with it.
    var summary: String
    var memory: any PhysicalMemory
    var root: PhysicalAddress
    /// The handover before the change: what to ask the kernel for if the changed one does not show it.
    var wanted: HandoverState?
    /// Whether files that it still shows should be restored as they were, rather than as changed.
    var wantsFilesAsTheyWere = false

    init(
        name: String, summary: String, memory: any PhysicalMemory, root: PhysicalAddress, wanted: HandoverState? = nil
    ) {
        self.name = name
        self.summary = summary
        self.memory = memory
        self.root = root
        self.wanted = wanted
    }

    /// A handover in an image with a possibly broken root FDT at `root`.
    init(
        name: String, summary: String, image: FilePath, root: PhysicalAddress, wanted: HandoverState? = nil
    ) throws {
        var options = InputOptions()
        options.rootAddress = root
        guard let subject = try CheckSubject.subjects(in: image, options: options).first else {
            throw ValidationError("\(image): not a handover")
        }
        self.init(name: name, summary: summary, memory: subject.memory, root: root, wanted: wanted)
    }

    /// - Parameter attempts: How often to start a kernel that becomes silent: on a busy machine, a slow kernel looks
    ///   the same.
    func run(with boot: BootRun, attempts: Int = 2) async throws -> Judgement {
        var boot = boot
        let subject = CheckSubject(memory: memory, rootAt: root)
        boot.wanted = Self.asked(subject.reading?.state, or: wanted, isSound: wantsFilesAsTheyWere)
        var result = try await boot.run(subject)
        for _ in 1..<attempts where result.outcome.hangs && !result.ended { result = try await boot.run(subject) }
        let check = Opinion(HandoverCheck(subject, options: result.checkOptions))
        return Judgement(
            name: name, summary: summary, check: check.verdict, rules: check.rules,
            kernel: result.outcome.verdict.rawValue, outcome: result.outcome.summary,
            line: Judgement.steady(result.outcome.line), release: result.release,
            memory: result.memory.map { [$0.lowerBound.rawValue, $0.upperBound.rawValue] },
            scratch: result.scratch.map { [$0.lowerBound.rawValue, $0.upperBound.rawValue] })
    }

    /// The new opinion of `check` on a handover that a kernel has judged before.
    func judged(as before: Judgement) -> Judgement {
        var options = HandoverCheck.Options()
        options.generation = before.release.flatMap { Generation(release: $0) }
        options.release = before.release.flatMap { Release($0) }
        options.pageSize = .kib4
        options.memory = before.memory.compactMap(Self.range)
        options.scratch = before.scratch.compactMap(Self.range)
        let check = Opinion(HandoverCheck(CheckSubject(memory: memory, rootAt: root), options: options))
        var judgement = before
        judgement.summary = summary
        judgement.check = check.verdict
        judgement.rules = check.rules
        return judgement
    }

    /// A handover's state, with missing sessions, files, FLBs and regions taken from another one.
    ///
    /// - Parameter isSound: Whether to take files that both show from the other one.
    private static func asked(
        _ state: HandoverState?, or other: HandoverState?, isSound: Bool = false
    ) -> HandoverState? {
        guard var state, let other else { return state ?? other }
        if state.luo?.sessions == nil, let sessions = other.luo?.sessions {
            state.luo = state.luo ?? LUOState()
            state.luo?.sessions = sessions
        }
        for index in (state.luo?.sessions ?? []).indices {
            guard let session = state.luo?.sessions?[index], session.count != 0 else { continue }
            let files = other.luo?.sessions?.first { $0.name == session.name }?.files
            let shown = session.files ?? []
            func sound(_ file: FileState) -> FileState? { files?.first { $0.token == file.token } }
            if shown.isEmpty || isSound && shown.allSatisfy({ sound($0) != nil }) {
                state.luo?.sessions?[index].files = files
            } else {
                for (place, file) in shown.enumerated() where isSound || file.memfd?.size == nil {
                    if let file = sound(file) { state.luo?.sessions?[index].files?[place] = file }
                }
            }
        }
        let names = state.luo?.flbs?.map(\.name)
        if names == nil || isSound && Set(names ?? []).count < names?.count ?? 0 { state.luo?.flbs = other.luo?.flbs }
        if state.memblock?.regions == nil { state.memblock = other.memblock }
        return state
    }

    private static func range(_ ends: [UInt64]) -> Range<PhysicalAddress>? {
        guard ends.count == 2, ends[0] <= ends[1] else { return nil }
        return PhysicalAddress(ends[0])..<PhysicalAddress(ends[1])
    }
}

/// The opinion of `check` on a handover.
struct Opinion: Sendable {
    var verdict: String
    var rules: [String] = []

    init(_ check: HandoverCheck) {
        verdict = check.verdict.rawValue
        for finding in check.results where finding.severity != .note {
            let rule = finding.rule.name + (finding.rule.errno.map { " (\($0.rawValue))" } ?? "")
            if !rules.contains(rule) { rules.append(rule) }
        }
    }
}

/// The opinions of `check` and of a kernel on a handover.
struct Judgement: Codable, Hashable, Sendable {
    var name: String
    var summary: String
    var check: String
    var rules: [String]
    var kernel: String
    var outcome: String
    /// The line on which the verdict is based.
    var line: String
    /// The kernel's release; `nil` if it ended before reporting it.
    var release: String?
    /// The guest's memory, and its scratch areas.
    var memory: [[UInt64]]
    var scratch: [[UInt64]]

    enum Agreement {
        case agree
        /// `check` predicts that the kernel does not check: whatever it does is no contradiction.
        case open
        case disagree
    }

    var agreement: Agreement {
        if check == kernel { return .agree }
        return check == Verdict.unchecked.rawValue ? .open : .disagree
    }

    /// The line without what varies between boots: kernel addresses, and the processor.
    static func steady(_ line: String) -> String {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map { word in
            let digits = word.hasPrefix("0x") ? word.dropFirst(2) : word
            let bare = digits.prefix { $0.isHexDigit }
            return bare.count == 16 && bare.hasPrefix("f") ? "…" + digits.dropFirst(16) : String(word)
        }
        let text = words.joined(separator: " ")
        guard let comma = text.range(of: ", CPU#") else { return text }
        return String(text[..<comma.lowerBound])
    }

    /// A row of a Markdown table.
    func row(_ columns: [String]) -> String {
        "| " + columns.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
}
