import KernelABI

struct Kexec: ScenarioAction {
    static let verb = "kexec"
    let release: String?
    let name: String?
    let comesUp: String

    init(_ object: inout StrictObject) throws {
        release = try object.optionalString("into", "the release of the next kernel")
        if let release, Generation(release: release) == nil {
            throw object.error(at: "into", KernelConfiguration.unknown(release))
        }
        name = try object.optionalString("name", "what the image handed over is called")
        let outcome = try object.word("comes_up", "how a kernel comes up", among: BootOutcome.words)
        comesUp = outcome ?? BootOutcome.adopted.word
    }

    var sentence: String {
        "kexec" + (release.map { " into \($0)" } ?? "") + (name.map { ", handing over \"\($0)\"" } ?? "")
    }

    func perform(in run: inout ScenarioRun) throws {
        let handedOver: HandedOver
        do throws(KexecError) {
            handedOver = try run.kernel.kexec()
        } catch {
            switch error {
            case .refused(let errno): throw errno
            case .plan(let error): throw ScenarioProblem("\(error.problems.map(\.description))")
            case .write(let error): throw ScenarioProblem("\(error)")
            }
        }
        run.images.append((name, handedOver))
        try run.start(release ?? run.kernel.configuration.release, handedOver)
        guard run.kernel.outcome.word == comesUp else {
            throw ScenarioProblem("the kernel came up \(run.kernel.outcome.word), not \(comesUp)")
        }
    }
}

/// Opens `/dev/liveupdate`, once more if it is open; other steps open it if they need it.
struct OpenDevice: ScenarioAction {
    static let verb = "open_device"

    init(_ object: inout StrictObject) throws {}

    var sentence: String { "open /dev/liveupdate" }

    func perform(in run: inout ScenarioRun) throws { try run.openDevice() }
}

struct CloseDevice: ScenarioAction {
    static let verb = "close_device"

    init(_ object: inout StrictObject) throws {}

    var sentence: String { "close /dev/liveupdate" }

    func perform(in run: inout ScenarioRun) throws { try run.closeDevice() }
}

/// A cold boot: nothing is handed over.
struct PowerOn: ScenarioAction {
    static let verb = "power_on"
    let release: String?

    init(_ object: inout StrictObject) throws {
        release = try object.optionalString("kernel", "the release of the kernel")
        if let release, Generation(release: release) == nil {
            throw object.error(at: "kernel", KernelConfiguration.unknown(release))
        }
    }

    var sentence: String { "switch the machine off and on" + (release.map { ", with kernel \($0)" } ?? "") }

    func perform(in run: inout ScenarioRun) throws {
        try run.start(release ?? run.kernel.configuration.release, nil)
    }
}

extension BootOutcome {
    static let words = ["fresh", "adopted", "lost", "panicked"]

    /// What scenarios call it.
    var word: String {
        switch self {
        case .fresh: "fresh"
        case .adopted: "adopted"
        case .lost: "lost"
        case .panicked: "panicked"
        }
    }
}
