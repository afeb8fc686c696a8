import KernelABI

extension ActionForm {
    static let kernels = [
        // Once more if it is open; other steps open it if they need it.
        ActionForm("open_device") { _ in ScenarioAction("open /dev/liveupdate", .device) { try $0.openDevice() } },
        ActionForm("close_device") { _ in ScenarioAction("close /dev/liveupdate", .device) { try $0.closeDevice() } },
        ActionForm("kexec", canRace: false) { object in
            let release = try release("into", "the release of the next kernel", &object)
            let name = try object.optionalString("name", "what the image handed over is called")
            let comesUp =
                try object.word("comes_up", "how a kernel comes up", among: BootOutcome.words)
                ?? BootOutcome.adopted.word
            let sentence =
                "kexec" + (release.map { " into \($0)" } ?? "") + (name.map { ", handing over \"\($0)\"" } ?? "")
            return ScenarioAction(sentence, .kexec(name: name)) { run in
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
        },
        // A cold boot: nothing is handed over.
        ActionForm("power_on", canRace: false) { object in
            let release = try release("kernel", "the release of the kernel", &object)
            let sentence = "switch the machine off and on" + (release.map { ", with kernel \($0)" } ?? "")
            return ScenarioAction(sentence) { run in
                try run.start(release ?? run.kernel.configuration.release, nil)
            }
        },
    ]

    /// A release that is known, if one is given.
    private static func release(_ key: String, _ what: String, _ object: inout StrictObject) throws -> String? {
        let release = try object.optionalString(key, what)
        if let release, Generation(release: release) == nil {
            throw object.error(at: key, KernelConfiguration.unknown(release))
        }
        return release
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
