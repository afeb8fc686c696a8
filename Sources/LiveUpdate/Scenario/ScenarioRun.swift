import KernelABI
import SystemPackage

/// What there is while a scenario runs: a kernel, and what its steps have names for.
struct ScenarioRun {
    let scenario: Scenario
    private(set) var faults = Faults()
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

    private var openedDevice: Device?
    private var handlers: [String: FileHandler] = [:]
    private var flbs: [String: FLB] = [:]
    private var modules: [String: Module] = [:]

    /// - Parameter handedOver: what the first kernel is handed.
    init(_ scenario: Scenario, _ handedOver: HandedOver?) throws {
        self.scenario = scenario
        kernel = Kernel(try Self.configuration(scenario, scenario.kernel, journal), handedOver: handedOver)
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
        let release = scenario.isOfOneKernel ? scenario.kernel : release
        kernel = Kernel(try Self.configuration(scenario, release, journal), handedOver: handedOver)
        (outgoing, incoming, files, handlers, flbs, modules) = ([:], [:], [:], [:], [:], [:])
        openedDevice = nil
        faults = Faults()
        hasBooted = true
    }

    // MARK: Names

    private var parts: ScenarioParts { ScenarioParts(scenario: scenario, faults: faults) }

    /// `/dev/liveupdate`, opened by the first step that needs it.
    mutating func device() throws -> Device {
        if let openedDevice { return openedDevice }
        try openDevice()
        return try device()
    }

    mutating func openDevice() throws {
        openedDevice = try kernel.openDevice()
    }

    mutating func closeDevice() {
        openedDevice?.close()
        openedDevice = nil
    }

    /// The owner of a handler or FLB; `nil` for what is built in.
    private mutating func module(of name: String) -> Module? {
        if scenario.isBuiltIn(name) { return nil }
        if let module = modules[name] { return module }
        let module = Module(name: name)
        modules[name] = module
        return module
    }

    mutating func unloadableModule(of name: String) throws -> Module {
        guard let module = module(of: name) else { throw ScenarioProblem("\(name) is built in") }
        return module
    }

    /// The references to each owner.
    var owners: [ScenarioReport.Owner] {
        (scenario.flbs.map(\.name) + scenario.handlers.map(\.name)).filter { !scenario.isBuiltIn($0) }.map { name in
            ScenarioReport.Owner(name: name, references: modules[name]?.references ?? 0)
        }
    }

    /// The counts of each FLB.
    var counts: [ScenarioReport.Count] {
        scenario.flbs.map { definition in
            let flb = flbs[definition.name]
            return ScenarioReport.Count(
                flb: definition.name, outgoing: flb.map(kernel.outgoingCount) ?? 0,
                incoming: flb.map(kernel.incomingCount) ?? 0)
        }
    }

    mutating func handler(_ name: String) throws -> FileHandler {
        if let handler = handlers[name] { return handler }
        let handler = try parts.handler(name, for: kernel.configuration, module(of: name))
        handlers[name] = handler
        return handler
    }

    mutating func flb(_ name: String) throws -> FLB {
        if let flb = flbs[name] { return flb }
        let flb = try parts.flb(name, module(of: name))
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
        guard let session = outgoing[name] else { throw ScenarioProblem("no session \"\(name)\" has been created", errno: .badFileDescriptor) }
        return session
    }

    func incomingSession(_ name: String) throws -> IncomingSession {
        guard let session = incoming[name] else { throw ScenarioProblem("no session \"\(name)\" has been retrieved", errno: .badFileDescriptor) }
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
