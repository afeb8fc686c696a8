import Dispatch
import Glibc
import Subprocess
import SystemPackage

/// QEMU, as a process that does not outlast what started it.
struct Emulator {
    private let machine: any GuestMachine.Type

    init(_ machine: any GuestMachine.Type) {
        self.machine = machine
    }

    /// Runs it to its end.
    func run(_ arguments: [String]) async throws(BootError) {
        let result: ExecutionResult<Void, DiscardedOutput, StringOutput<UTF8>>
        do {
            result = try await Subprocess.run(
                .name(machine.emulator), arguments: Arguments(arguments), output: .discarded, error: .string(limit: 1 << 16))
        } catch {
            throw refusal(error)
        }
        guard result.terminationStatus.isSuccess else {
            throw .emulator("\(machine.emulator): \(result.standardError)")
        }
    }

    /// Runs a guest until `follow` has heard enough, the guest ends, or time is up.
    ///
    /// - Parameter follow: is given each line of the console, and what writes to it; says whether to go on.
    func run(
        _ arguments: [String], timeout: Duration,
        follow: @escaping @Sendable (_ line: String, _ answer: (String) async throws -> Void) async throws -> Bool
    ) async throws {
        let guest = Task {
            try await Subprocess.run(
                .name(machine.emulator), arguments: Arguments(machine.arguments + arguments), input: .inputWriter,
                output: .sequence, error: .string(limit: 1 << 16)
            ) { execution in
                for try await line in execution.standardOutput.strings() {
                    let goesOn = try await follow(line) { _ = try await execution.standardInputWriter.write($0) }
                    if !goesOn { break }
                }
                try? execution.send(signal: .kill)
            }
        }
        let timer = Task {
            try await Task.sleep(for: timeout)
            guest.cancel()
        }
        defer { timer.cancel() }
        do {
            let result = try await withTaskCancellationHandler { try await guest.value } onCancel: { guest.cancel() }
            if guest.isCancelled { return }
            if case .exited(let code) = result.terminationStatus, code != 0 {
                throw BootError.emulator("\(machine.emulator): \(result.standardError)")
            }
        } catch {
            if Task.isCancelled { throw BootError.cancelled }
            if guest.isCancelled { return }
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
