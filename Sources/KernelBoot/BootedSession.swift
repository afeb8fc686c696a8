import Handover
import KernelABI

/// A session of an image, and what a kernel restored of it.
public struct BootedSession: Hashable, Sendable {
    public var name: KernelString
    /// The error number from retrieving it; `nil` if it was not retrieved.
    public var errno: Int?
    public var finishErrno: Int?
    public var files: [BootedFile]

    /// What was not restored as it was, in short; `nil` if nothing.
    var problem: String? {
        let quoted = name.quoted
        guard let errno else { return "session \(quoted) was not requested" }
        if errno != 0 { return "session \(quoted): errno \(errno)" }
        if let file = files.first(where: { $0.problem != nil }), let problem = file.problem {
            return "session \(quoted), token \(file.expected.token.prefixedHex): \(problem)"
        }
        if let finishErrno, finishErrno != 0 { return "finishing session \(quoted): errno \(finishErrno)" }
        return nil
    }
}

/// A file of an image, and what a kernel restored of it.
public struct BootedFile: Hashable, Sendable {
    public var expected: ExpectedFile
    public var errno: Int?
    public var size: UInt64?
    public var position: UInt64?
    public var hash: UInt64?

    /// What differs from the image; anything that the image does not show counts as correct.
    public var problem: String? {
        guard let errno else { return "not requested" }
        if errno != 0 { return "errno \(errno)" }
        let pairs = [("size", expected.size, size), ("position", expected.position, position)]
        for case (let name, let wanted?, let found?) in pairs where wanted != found {
            return "its \(name) is \(found), but \(wanted) in the image"
        }
        if let wanted = expected.hash, wanted != hash { return "its contents differ from those in the image" }
        return nil
    }
}

extension [BootedSession] {
    /// The sessions of a handover, before they are retrieved.
    init(of state: HandoverState?, memory: any PhysicalMemory) {
        self = (state?.luo?.sessions ?? []).map { session in
            BootedSession(
                name: session.name,
                files: (session.files ?? []).map { file in
                    BootedFile(
                        expected: ExpectedFile(file, in: state ?? HandoverState(), memory: memory))
                })
        }
    }

    /// The orders for the init; see `Sources/GuestInit/init.c`.
    func orders(thenKexec: Bool) -> String {
        var text = ""
        for session in self {
            let name = session.name.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            text += "session \(name)\n"
            for file in session.files { text += "file \(String(file.expected.token, radix: 16))\n" }
            text += "finish\n"
            if thenKexec { text += "again \(name)\n" }
        }
        return text + (thenKexec ? "kexec\n" : "")
    }

    /// Records a report from the init.
    mutating func take(_ report: InitReport) {
        guard report.words.count > 1, let index = Int(report.words[1]), indices.contains(index) else { return }
        switch report.words[0] {
        case "session": self[index].errno = report.errno()
        case "finish": self[index].finishErrno = report.errno()
        case "file":
            guard report.words.count > 2, let token = UInt64(report.words[2], radix: 16),
                let file = self[index].files.firstIndex(where: { $0.expected.token == token && $0.errno == nil })
            else { return }
            self[index].files[file].errno = report.errno()
            self[index].files[file].size = report.value(of: "size")
            self[index].files[file].position = report.value(of: "position")
            self[index].files[file].hash = report.value(of: "hash")
        default: break
        }
    }
}
