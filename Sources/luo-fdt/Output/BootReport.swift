import ArgumentParser
import Handover
import KernelABI
import KernelBoot
import SystemPackage

/// The outcome of booting an image, and whether `check` agrees.
struct BootReport {
    let image: FilePath
    let kernel: FilePath
    let result: BootRun.Result
    /// `nil` if not requested.
    let check: HandoverCheck?

    /// Whether the kernel did what `check` predicts. If `check` says *unchecked*, any outcome agrees.
    var agrees: Bool? {
        check.map { $0.verdict == .unchecked || $0.verdict == result.outcome.verdict }
    }

    /// The number of files that were restored but whose contents are not in the image.
    var uncompared: Int {
        result.sessions.reduce(0) { $0 + $1.files.count { $0.hash != nil && $0.expected.hash == nil } }
    }

    var exitStatus: Int32 {
        if let agrees { return agrees ? 0 : 1 }
        return result.outcome.verdict.outcome.status
    }
}

/// Output formats for the result of a boot.
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
        func line(_ text: String) -> String { ImageText.visible(text, inLine: true) }
        output.write("\(line(report.image.string)): kernel \(line(release)): ")
        output.write("\(outcome.verdict.rawValue): \(line(outcome.summary))\n    \(line(outcome.line))\n")
        if report.uncompared > 0 {
            let files = Quantity.count(report.uncompared, "file")
            output.write("    the contents of \(files) were not compared: they are not in the image\n")
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
        output.writeJSON { writer in
            writer.object { writer in
                writer.member("input", report.image.string)
                writer.member("kernel", report.kernel.string)
                writer.member("release", report.result.release)
                writer.member("verdict", report.result.outcome.verdict.rawValue)
                writer.member("summary", report.result.outcome.summary)
                writer.member("line", report.result.outcome.line)
                if report.uncompared > 0 { writer.member("uncompared", report.uncompared) }
                if let check = report.check, let agrees = report.agrees {
                    writer.member("check", check.verdict.rawValue)
                    writer.member("agrees", agrees)
                }
                writer.member("sessions", objects: report.result.sessions) { $0.session($1) }
                writer.member("lines", strings: report.result.handoverLines)
            }
        }
    }
}

extension DocumentWriter {
    fileprivate mutating func session(_ session: BootedSession) {
        member("name", session.name.bare)
        member("errno", session.errno)
        member("finish_errno", session.finishErrno)
        member("files", objects: session.files, compact: true) { writer, file in
            writer.member("token", hex: file.expected.token)
            writer.member("errno", file.errno)
            writer.member("size", file.size)
            writer.member("pos", file.position)
            writer.member("fnv1a", hex: file.hash)
            writer.member("problem", file.problem)
        }
    }
}
