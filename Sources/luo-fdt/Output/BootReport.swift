import ArgumentParser
import Handover
import KernelABI
import KernelBoot
import SystemPackage

/// What a kernel has made of an image, and whether `check` says the same.
struct BootReport {
    let image: FilePath
    let kernel: FilePath
    let result: BootRun.Result
    /// `nil` if it was not asked for.
    let check: HandoverCheck?

    /// Whether the kernel did what `check` says. What `check` calls *unchecked* may come out in any way.
    var agrees: Bool? {
        check.map { $0.verdict == .unchecked || $0.verdict == result.outcome.verdict }
    }

    /// The number of files that came back and whose contents the image does not hold.
    var uncompared: Int {
        result.sessions.reduce(0) { $0 + $1.files.count { $0.hash != nil && $0.expected.hash == nil } }
    }

    var wasHandedOn: Bool { result.handsOn }

    var exitStatus: Int32 {
        if let agrees { return agrees ? 0 : 1 }
        return result.outcome.verdict.outcome.status
    }
}

/// The forms in which the result of a boot is shown.
enum BootFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json

    func write(_ report: BootReport, to output: OutputStream) {
        switch self {
        case .text: Self.writeText(report, to: output)
        case .json: Self.writeJSON(report, to: output)
        }
    }

    private static func writeText(_ report: BootReport, to output: OutputStream) {
        let outcome = report.result.outcome
        let release = report.result.release ?? report.kernel.string
        output.write(
            "\(ImageText.visible(report.image.string, inLine: true)): kernel \(ImageText.visible(release, inLine: true)): "
        )
        output.write("\(outcome.verdict.rawValue): \(ImageText.visible(outcome.summary, inLine: true))\n")
        output.write("    \(ImageText.visible(outcome.line, inLine: true))\n")
        if report.uncompared > 0 {
            output.write(
                "    the contents of \(Quantity.count(report.uncompared, "file")) were not compared: the image lacks them\n"
            )
        }
        guard let check = report.check, let agrees = report.agrees else { return }
        output.write("check: \(check.verdict.rawValue): \(agrees ? "they agree" : "they disagree")\n")
        if !agrees {
            for result in check.results where result.severity != .note {
                output.write("    [\(result.rule.name)] \(result.finding)\n")
            }
        }
    }

    private static func writeJSON(_ report: BootReport, to output: OutputStream) {
        var writer = DocumentWriter { output.write($0) }
        writer.object { writer in
            writer.member("input", report.image.string)
            writer.member("kernel", report.kernel.string)
            if let release = report.result.release { writer.member("release", release) }
            writer.member("verdict", report.result.outcome.verdict.rawValue)
            writer.member("summary", report.result.outcome.summary)
            writer.member("line", report.result.outcome.line)
            if report.uncompared > 0 { writer.member("uncompared", UInt64(report.uncompared)) }
            if let check = report.check, let agrees = report.agrees {
                writer.member("check", check.verdict.rawValue)
                writer.key("agrees")
                writer.boolean(agrees)
            }
            writer.key("sessions")
            writer.array { writer in
                for session in report.result.sessions {
                    writer.element()
                    writer.object { $0.session(session) }
                }
            }
            writer.key("lines")
            writer.array { writer in
                for line in report.result.handoverLines {
                    writer.element()
                    writer.string(line)
                }
            }
        }
        writer.finish()
    }
}

extension DocumentWriter {
    fileprivate mutating func number(_ key: String, _ value: Int?) {
        guard let value = value.flatMap(UInt64.init(exactly:)) else { return }
        self.key(key)
        number(value)
    }

    fileprivate mutating func session(_ session: BootedSession) {
        member("name", session.name.bare)
        number("errno", session.errno)
        number("finish_errno", session.finishErrno)
        key("files")
        array { writer in
            for file in session.files {
                writer.element()
                writer.object(compact: true) { $0.file(file) }
            }
        }
    }

    private mutating func file(_ file: BootedFile) {
        key("token")
        hex(file.expected.token)
        number("errno", file.errno)
        for (name, value) in [("size", file.size), ("pos", file.position)] {
            guard let value else { continue }
            key(name)
            number(value)
        }
        if let hash = file.hash {
            key("fnv1a")
            hex(hash)
        }
        if let problem = file.problem { member("problem", problem) }
    }
}
