import Dispatch
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// QEMU, as a process that does not outlive its parent.
struct Emulator {
    private let machine: any GuestMachine.Type

    init(_ machine: any GuestMachine.Type) {
        self.machine = machine
    }

    /// Runs QEMU until it exits.
    func run(_ arguments: [String]) async throws(BootError) {
        let result: ExecutionResult<Void, DiscardedOutput, StringOutput<UTF8>>
        do {
            result = try await Subprocess.run(
                .name(machine.emulator), arguments: Arguments(arguments), output: .discarded,
                error: .string(limit: 1 << 16))
        } catch {
            throw refusal(error)
        }
        guard result.terminationStatus.isSuccess else {
            throw .emulator("\(machine.emulator): \(result.standardError)")
        }
    }

    /// Runs a guest until `follow` returns false, the guest ends, or time is up.
    ///
    /// - Parameters:
    ///   - silence: How long the guest may be silent.
    ///   - follow: Called with each console line and a writer to the console; returns whether to continue.
    /// - Returns: Whether the run ended for a reason other than time.
    func run(
        _ arguments: [String], timeout: Duration, silence: Duration?,
        follow: @escaping @Sendable (_ line: String, _ answer: (String) async throws -> Void) async throws -> Bool
    ) async throws -> Bool {
        let lastWord = LastWord()
        let guest = Task {
            try await Subprocess.run(
                .name(machine.emulator), arguments: Arguments(machine.arguments + arguments), input: .inputWriter,
                output: .sequence, error: .string(limit: 1 << 16)
            ) { execution in
                for try await line in execution.standardOutput.strings() {
                    lastWord.renew()
                    let goesOn = try await follow(line) { _ = try await execution.standardInputWriter.write($0) }
                    if !goesOn { break }
                }
                try? execution.send(signal: .kill)
            }
        }
        let timer = Task {
            let end = ContinuousClock.now + timeout
            while ContinuousClock.now < end, lastWord.age < silence ?? timeout {
                try await Task.sleep(for: .milliseconds(200))
            }
            guest.cancel()
        }
        defer { timer.cancel() }
        do {
            let result = try await withTaskCancellationHandler {
                try await guest.value
            } onCancel: {
                guest.cancel()
            }
            if Task.isCancelled { throw BootError.cancelled }
            if guest.isCancelled { return false }
            switch result.terminationStatus {
            case .exited(0): return true
            // Killed by us, because `follow` has seen enough.
            case .signaled(Signal.kill.rawValue): return true
            default: throw BootError.emulator("\(machine.emulator): \(result.standardError)")
            }
        } catch {
            if Task.isCancelled { throw BootError.cancelled }
            if guest.isCancelled { return false }
            throw refusal(error)
        }
    }

    private func refusal(_ error: any Error) -> BootError {
        if let error = error as? BootError { return error }
        if let error = error as? SubprocessError, error.code == .executableNotFound {
            return .emulatorMissing(machine.emulator, package: machine.package)
        }
        return .emulator("\(machine.emulator): \(error)")
    }
}

/// The time of a guest's last output.
private final class LastWord: Sendable {
    private let time = Mutex(ContinuousClock.now)

    var age: Duration { time.withLock { ContinuousClock.now - $0 } }

    func renew() { time.withLock { $0 = .now } }
}
