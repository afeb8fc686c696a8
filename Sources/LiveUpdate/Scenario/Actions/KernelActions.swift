extension ActionForm {
    static let kernels = [
        // Fails if the device is already open. Other steps open it on demand.
        ActionForm("open_device", [], .device) { _ in
            "open /dev/liveupdate"
        } perform: {
            try $1.openDevice()
        },
        ActionForm("close_device", [], .device) { _ in
            "close /dev/liveupdate"
        } perform: {
            try $1.closeDevice()
        },
        ActionForm(
            "kexec", [.release("into", "the release of the next kernel"), .imageName, .outcome], .kexec, canRace: false
        ) {
            "kexec" + ($0.release.map { " into \($0)" } ?? "") + ($0.name.map { ", handing over \"\($0)\"" } ?? "")
        } perform: { step, run in
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
            run.images.append((step.name, handedOver))
            try run.start(step.release ?? run.kernel.configuration.release, handedOver)
            guard run.kernel.outcome.word == step.comesUp else {
                throw ScenarioProblem("the kernel came up \(run.kernel.outcome.word), not \(step.comesUp)")
            }
        },
        // A cold boot: nothing is handed over.
        ActionForm("power_on", [.release("kernel", "the release of the kernel")], canRace: false) {
            "switch the machine off and on" + ($0.release.map { ", with kernel \($0)" } ?? "")
        } perform: { step, run in
            try run.start(step.release ?? run.kernel.configuration.release, nil)
        },
    ]
}

extension BootOutcome {
    static let words = ["fresh", "adopted", "lost", "panicked"]

    /// The word used in scenarios.
    var word: String {
        switch self {
        case .fresh: "fresh"
        case .adopted: "adopted"
        case .lost: "lost"
        case .panicked: "panicked"
        }
    }
}
