import KernelABI

/// What there is while a scenario runs: a kernel, and what its steps have names for.
struct ScenarioRun {
    let scenario: Scenario
    let faults = Faults()
    let journal = ScenarioJournal()
    private(set) var kernel: Kernel
    /// Set when a kernel has come up and what every kernel then does is yet to be done.
    var hasBooted = true
    var images: [(name: String?, image: HandedOver)] = []
    var outgoing: [String: OutgoingSession] = [:]
    var incoming: [String: IncomingSession] = [:]
    var files: [String: any PreservableFile] = [:]
    /// How the step before ended.
    var lastResult: ScenarioResult?

    private var openDevice: Device?
    private var handlers: [String: FileHandler] = [:]
    private var flbs: [String: FLB] = [:]
    private var modules: [String: Module] = [:]

    init(_ scenario: Scenario) throws {
        self.scenario = scenario
        kernel = Kernel(try Self.configuration(scenario, scenario.kernel, journal))
    }

    private static func configuration(
        _ scenario: Scenario, _ release: String, _ journal: ScenarioJournal
    ) throws -> KernelConfiguration {
        guard var configuration = KernelConfiguration(release: release) else {
            throw ScenarioProblem(ScenarioStep.unknownKernel(release))
        }
        configuration.pageSize = scenario.pageSize
        configuration.isLiveUpdateEnabled = scenario.isLiveUpdateEnabled
        configuration.isAsDocumented = scenario.isAsDocumented
        configuration.observer = journal.observer
        return configuration
    }

    /// Boots the next kernel. Nothing in it has the objects of the one before.
    mutating func start(_ release: String, _ handedOver: HandedOver?) throws {
        kernel = Kernel(try Self.configuration(scenario, release, journal), handedOver: handedOver)
        (outgoing, incoming, files, handlers, flbs, modules) = ([:], [:], [:], [:], [:], [:])
        openDevice = nil
        hasBooted = true
    }

    // MARK: Names

    private var parts: ScenarioParts { ScenarioParts(scenario: scenario, faults: faults) }

    /// `/dev/liveupdate`, opened by the first step that needs it.
    mutating func device() throws -> Device {
        if let openDevice { return openDevice }
        let device = try kernel.openDevice()
        openDevice = device
        return device
    }

    func checkName(_ name: String) throws {
        guard
            name == Scenario.memfd || scenario.handlers.contains(where: { $0.name == name })
                || scenario.flbs.contains(where: { $0.name == name })
        else { throw ScenarioProblem("no handler or FLB is called \"\(name)\"") }
    }

    mutating func module(of name: String) throws -> Module {
        try checkName(name)
        if let module = modules[name] { return module }
        let module = Module(name: name)
        modules[name] = module
        return module
    }

    mutating func handler(_ name: String) throws -> FileHandler {
        if let handler = handlers[name] { return handler }
        let handler = try parts.handler(name, for: kernel.configuration, try module(of: name))
        handlers[name] = handler
        return handler
    }

    mutating func flb(_ name: String) throws -> FLB {
        if let flb = flbs[name] { return flb }
        let flb = try parts.flb(name, try module(of: name))
        flbs[name] = flb
        return flb
    }

    func plainFLB(_ name: String, data: UInt64) -> FLB {
        FLB(compatible: name, operations: parts.plain(name, data, true))
    }

    mutating func file(_ name: String) throws -> any PreservableFile {
        if let file = files[name] { return file }
        guard let index = scenario.files.firstIndex(where: { $0.name == name }) else {
            throw ScenarioProblem("no file is called \"\(name)\"")
        }
        let definition = scenario.files[index]
        let file: any PreservableFile
        if let handler = definition.handler {
            file = OpaqueFile(handler: handler, data: UInt64(index + 1))
        } else {
            file = MemFD(
                contents: Array(definition.text.utf8), size: definition.size, position: definition.position,
                seals: definition.seals, pageSize: scenario.pageSize)
        }
        files[name] = file
        return file
    }

    mutating func memfd(_ name: String) throws -> MemFD {
        guard let memfd = try file(name) as? MemFD else { throw ScenarioProblem("file \(name) is no memfd") }
        return memfd
    }

    func outgoingSession(_ name: String) throws -> OutgoingSession {
        guard let session = outgoing[name] else { throw ScenarioProblem("no session \"\(name)\" has been created") }
        return session
    }

    func incomingSession(_ name: String) throws -> IncomingSession {
        guard let session = incoming[name] else { throw ScenarioProblem("no session \"\(name)\" has been retrieved") }
        return session
    }
}

/// Collects what happens during a step.
final class ScenarioJournal: Sendable {
    private let events = Locked<[Event]>([])

    var observer: Observer { { event in self.events.withLock { $0.append(event) } } }

    /// What has happened since the last call.
    func take() -> [Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
