import KernelABI
import SystemPackage

/// An open `/dev/liveupdate`; it can be open only once.
public struct Device: Sendable {
    let kernel: Kernel

    /// Creates a session for the next kernel. Mirrors `LIVEUPDATE_IOCTL_CREATE_SESSION`.
    ///
    /// - Throws: `EINVAL` if the name is empty or longer than 63 bytes, which kernels before 7.1.8 accept and truncate;
    ///   `EEXIST` if a session has this name; at the kernel's limit, `ENOMEM` up to 7.1 and `ENOSPC` since 7.2.
    public func createSession(_ name: String) throws(Errno) -> OutgoingSession {
        try kernel.whileAlive { () throws(Errno) in
            let (length, limit) = (name.utf8.prefix { $0 != 0 }.count, kernel.limits.sessionName)
            if kernel.configuration.lifecycle?.checksSessions ?? true {
                guard (1...limit).contains(length) else { throw .invalidArgument }
            }
            let files = OutgoingFiles(session: String(decoding: name.utf8.prefix(min(length, limit)), as: UTF8.self))
            try kernel.sessions.insert(files)
            return OutgoingSession(kernel: kernel, files: files)
        }
    }

    /// Returns a session of the previous kernel, once. Mirrors `LIVEUPDATE_IOCTL_RETRIEVE_SESSION`.
    ///
    /// - Throws: `ENOENT` if no session has this name, `EINVAL` if it was already retrieved.
    public func retrieveSession(_ name: String) throws(Errno) -> IncomingSession {
        try kernel.whileAlive { () throws(Errno) in
            IncomingSession(kernel: kernel, files: try kernel.sessions.retrieve(name, kernel))
        }
    }

    /// Closes the device, so that it can be opened again.
    public func close() {
        kernel.device.close()
    }
}

extension Kernel {
    /// Opens `/dev/liveupdate`; the first open deserializes the incoming sessions. Mirrors `luo_open`.
    ///
    /// - Throws: `ENOENT` if live update is off, as there is no device; `EBUSY` if it is already open; `EIO`, every
    ///   time, if the incoming sessions cannot be deserialized.
    public func openDevice() throws(Errno) -> Device {
        try whileAlive { () throws(Errno) in
            guard let rules = enabledLifecycle else { throw .noSuchFileOrDirectory }
            try device.open { () throws(Errno) in try deserialize(rules) }
            return Device(kernel: self)
        }
    }

    /// Mirrors `luo_session_deserialize`: sessions deserialized before a failure remain, but cannot be retrieved.
    private func deserialize(_ rules: FLBLifecycle) throws(Errno) {
        guard let luo = adoption.luo else { return }
        if let problem = adoption.sessionProblem {
            log.message("LUO: \(problem)")
            throw .ioError
        }
        for record in luo.sessions ?? [] {
            let files = IncomingFiles(record)
            try sessions.insert(files)
            try files.deserialize(record, in: self, rules)
        }
    }
}

/// Whether the device is open, and the result of deserializing.
final class DeviceState: Sendable {
    private struct State {
        var isOpen = false
        var deserialization: Result<Void, Errno>?
    }

    private let state = Locked(State())
    private static let name = "luo_device_state.in_use"

    /// Mirrors `luo_open`: a second open fails and does not wait.
    func open(_ deserialize: () throws(Errno) -> Void) throws(Errno) {
        RaceSide.use(Self.name)
        // Only one caller gets further, so what follows needs no lock.
        let known = try state.withLock { state throws(Errno) in
            guard !state.isOpen else { throw .resourceBusy }
            state.isOpen = true
            return state.deserialization
        }
        let result = known ?? Result { () throws(Errno) in try deserialize() }
        state.withLock { $0.deserialization = result }
        if case .failure(let error) = result {
            close()
            throw error == .deadlocked ? error : .ioError
        }
    }

    func close() {
        RaceSide.use(Self.name)
        state.withLock { $0.isOpen = false }
    }
}
