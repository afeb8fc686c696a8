import Handover

/// The outcome of booting a kernel with a handover.
public struct BootOutcome: Hashable, Sendable {
    /// In the terms of ``HandoverCheck``. ``Verdict/unchecked`` means that the kernel crashed or hung on something that
    /// it does not check.
    public var verdict: Verdict
    /// What happened, in short.
    public var summary: String
    /// The line from the kernel or the init on which the verdict is based.
    public var line: String

    /// Kernel messages that determine the verdict, in order of priority.
    private struct KernelWords {
        var contains: String
        var verdict: Verdict
        var summary: String
        /// Whether later messages do not matter.
        var isTheEnd = true
        /// Earlier messages that tell more, if present.
        var reasons: [String] = []
    }

    private static let kernelWords = [
        KernelWords(
            contains: "disabling KHO revival", verdict: .ignored,
            summary: "the kernel discarded everything that was handed over",
            isTheEnd: false, reasons: ["KHO: setup:", "KHO: failed to get preserved"]),
        KernelWords(
            contains: "CONFIG_KEXEC_HANDOVER not set", verdict: .ignored, summary: "the kernel has no KHO",
            isTheEnd: false),
        KernelWords(
            contains: "The incoming tree failed to initialize", verdict: .panic, summary: "the kernel panicked",
            reasons: ["luo: Block ", "LUO state", "luo: "]),
        KernelWords(contains: "PANIC: early exception", verdict: .unchecked, summary: crashed),
        KernelWords(contains: "BUG: ", verdict: .unchecked, summary: crashed),
        KernelWords(contains: "Oops", verdict: .unchecked, summary: crashed),
        KernelWords(contains: "Internal error: ", verdict: .unchecked, summary: crashed),
        KernelWords(contains: "Kernel panic", verdict: .unchecked, summary: crashed),
    ]

    private static let crashed = "the kernel crashed"
    private static let hung = "the kernel hung"

    /// Whether the kernel went silent before starting its init.
    public var hangs: Bool { summary == Self.hung }

    /// Whether no kernel message after this line matters.
    static func isTheEnd(_ line: String) -> Bool {
        kernelWords.contains { $0.isTheEnd && line.contains($0.contains) }
    }

    /// - Parameters:
    ///   - lines: The guest's complete output.
    ///   - sessions: The sessions that were requested, and what came back.
    ///   - state: The handover, as far as it can be read.
    init(lines: [String], sessions: [BootedSession], state: HandoverState?) {
        func first(_ words: [String]) -> String? {
            for word in words {
                if let line = lines.first(where: { $0.contains(word) }) { return line }
            }
            return nil
        }
        for words in Self.kernelWords {
            guard let line = first([words.contains]) else { continue }
            self.init(verdict: words.verdict, summary: words.summary, line: first(words.reasons) ?? line)
            return
        }
        let reports = lines.compactMap(InitReport.init)
        guard let opened = reports.first(where: { $0.words.first == "open" }), let errno = opened.errno() else {
            self.init(
                verdict: .unchecked, summary: Self.hung,
                line: lines.last { !$0.isEmpty } ?? "no message: it ended before there was a console")
            return
        }
        guard lines.contains(where: { $0.contains("found kexec handover data") }) else {
            self.init(
                verdict: .ignored, summary: "the kernel did not look for a handover: it lacks KHO, or KHO is off",
                line: reports.last?.words.joined(separator: " ") ?? "")
            return
        }
        let reasons = ["luo: Block", "luo: File count", "luo: No registered", "luo: Failed"]
        if errno == Self.noEntry {
            self.init(sessions.isEmpty ? .accepted : .partly, "the kernel has no /dev/liveupdate", reports, lines)
        } else if errno != 0 {
            self.init(
                verdict: .openFails, summary: "/dev/liveupdate cannot be opened",
                line: first(reasons) ?? "open: errno \(errno)")
        } else if !reports.contains(where: \.isLast) {
            self.init(verdict: .unchecked, summary: Self.hung, line: lines.last { !$0.isEmpty } ?? "")
        } else if let problem = sessions.lazy.compactMap(\.problem).first {
            self.init(.partly, "not everything came back: \(problem)", reports, lines)
        } else if let lost = Self.lostFLB(lines, state) {
            self.init(verdict: .partly, summary: "not everything came back: FLB \(lost)", line: lost)
        } else if let lost = Self.lostRegion(lines, state) {
            self.init(
                verdict: .partly, summary: "not everything came back: reserve_mem region \(lost)",
                line: first(["reserve-mem", "reserve_mem", "memblock"]) ?? lost)
        } else {
            let files = sessions.reduce(0) { $0 + $1.files.count }
            self.init(.accepted, "\(sessions.count) sessions and \(files) files came back", reports, lines)
        }
    }

    private static let noEntry = 2

    private init(verdict: Verdict, summary: String, line: String) {
        self.verdict = verdict
        self.summary = summary
        self.line = line
    }

    /// An outcome based on the init's reports: the first one that reports an error, or else a kernel message.
    private init(_ verdict: Verdict, _ summary: String, _ reports: [InitReport], _ lines: [String]) {
        let error = reports.first { $0.errno() ?? 0 != 0 }.map { $0.words.joined(separator: " ") }
        let found = lines.first { $0.contains("live update data") || $0.contains("found kexec handover data") }
        self.init(verdict: verdict, summary: summary, line: (verdict == .accepted ? found : error) ?? found ?? "")
    }

    /// An FLB of the kernel's own test whose data the kernel did not find, although it registered its FLBs.
    private static func lostFLB(_ lines: [String], _ state: HandoverState?) -> String? {
        let isTested = lines.contains { $0.contains("FLBs with file handler") }
        guard isTested else { return nil }
        let names = (state?.luo?.flbs ?? []).compactMap(\.name.validString).filter {
            $0.hasPrefix("liveupdate-test-flb-")
        }
        return names.first { name in !lines.contains { $0.contains("\(name): found flb data") } }
    }

    private static func lostRegion(_ lines: [String], _ state: HandoverState?) -> String? {
        let names = BootRun.regions(of: state).map(\.name.bare)
        return names.first { name in !lines.contains { $0.contains("Revived memory reservation '\(name)'") } }
    }
}
