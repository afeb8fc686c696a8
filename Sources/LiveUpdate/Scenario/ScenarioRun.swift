import KernelABI
import SystemPackage

/// The state of a running scenario: a kernel, and the objects that its steps have named.
struct ScenarioRun: Sendable {
    let scenario: Scenario
    private(set) var faults = Faults()
    let journal = ScenarioJournal()
    private(set) var kernel: Kernel
    /// Set when a kernel has booted and has yet to perform the boot steps.
    var hasBooted = true
    var images: [(name: String?, image: HandedOver)] = []
    var outgoing: [String: OutgoingSession] = [:]
    var incoming: [String: IncomingSession] = [:]
    private var files: [String: any PreservableFile] = [:]
    /// The names of files that steps have used in this kernel.
    private var used: Set<String> = []
    /// The names of files that steps used in previous kernels: a new file with such a name is a different one.
    private var gone: Set<String> = []
    /// The result of the previous step.
    var lastResult: ScenarioResult?
    /// The object that the previous step got, `none` if it got 0 and `NULL`; `nil` if it did not request one.
    var lastObject: String?
    /// The blocks that handlers and FLBs of the previous kernel preserved.
    private(set) var given: [PageBlock] = []

    /// The release of the current kernel, and what it booted from.
    private(set) var origin: (release: String, handedOver: HandedOver?)
    private var openedDevice: Device?
    /// The drivers' mutexes.
    private(set) var mutexes = DriverMutexes()
    /// The run to which calls from operations apply.
    private let calls = OperationCalls()
    private var handlers: [String: FileHandler] = [:]
    private var flbs: [String: FLB] = [:]
    private var modules: [String: Module] = [:]

    /// - Parameter handedOver: The memory handed to the first kernel.
    init(_ scenario: Scenario, _ handedOver: HandedOver?) throws {
        self.scenario = scenario
        origin = (scenario.kernel, handedOver)
        if handedOver != nil { gone = Set(scenario.files.map(\.name)) }
        kernel = Kernel(try Self.configuration(scenario, scenario.kernel, journal), handedOver: handedOver)
    }

    private static func configuration(
        _ scenario: Scenario, _ release: String, _ journal: ScenarioJournal
    ) throws -> KernelConfiguration {
        guard var configuration = KernelConfiguration(release: release) else {
            throw ScenarioProblem(KernelConfiguration.unknown(release))
        }
        configuration.pageSize = scenario.pageSize ?? configuration.pageSize
        configuration.isLiveUpdateEnabled = scenario.isLiveUpdateEnabled
        configuration.isAsDocumented = scenario.isAsDocumented
        configuration.observer = journal.observer
        return configuration
    }

    /// Boots the next kernel, which has none of the previous kernel's objects.
    mutating func start(_ release: String, _ handedOver: HandedOver?) throws {
        let release = scenario.isOfOneKernel ? scenario.kernel : release
        origin = (release, handedOver)
        given = handedOver == nil ? [] : kernel.memory.preservedBlocks
        kernel = Kernel(try Self.configuration(scenario, release, journal), handedOver: handedOver)
        mutexes = DriverMutexes()
        (outgoing, incoming, files, handlers, flbs, modules) = ([:], [:], [:], [:], [:], [:])
        gone = handedOver == nil ? [] : gone.union(used)
        used = []
        openedDevice = nil
        faults = Faults()
        hasBooted = true
    }

    /// An independent run in which the current kernel has just booted.
    func anew() throws -> ScenarioRun {
        var run = try ScenarioRun(scenario, nil)
        try run.start(origin.release, origin.handedOver)
        run.given = given
        run.gone = gone
        _ = run.journal.take()
        return run
    }

    /// Continues with the state after a race.
    mutating func `continue`(with run: ScenarioRun) {
        let images = images
        self = run
        self.images = images
    }

    /// Performs a step and returns its result.
    mutating func perform(_ step: ScenarioStep) -> ScenarioResult? {
        if scenario.hasCallingOperations {
            makeAll()
            calls.set(self)
        }
        var result: ScenarioResult?
        lastObject = nil
        do {
            try step.action.perform(step, &self)
        } catch {
            result = ScenarioResult(error)
        }
        calls.set(nil)
        lastResult = result
        return result
    }

    /// Creates everything that steps can name, as all sides of a race must use the same objects.
    mutating func makeAll() {
        for flb in scenario.flbs { _ = try? self.flb(flb.name) }
        for name in scenario.handlerNames { _ = try? handler(name) }
        for file in scenario.files { _ = try? makeFile(file.name) }
    }

    /// The run after a race: all sides began with this run, and ended with `sides`.
    func merging(_ sides: [ScenarioRun]) -> ScenarioRun {
        var result = self
        func merge<Value>(_ path: WritableKeyPath<ScenarioRun, [String: Value]>) {
            for side in sides {
                for name in self[keyPath: path].keys where side[keyPath: path][name] == nil {
                    result[keyPath: path][name] = nil
                }
                for (name, value) in side[keyPath: path] where self[keyPath: path][name] == nil {
                    result[keyPath: path][name] = value
                }
            }
        }
        merge(\.outgoing)
        merge(\.incoming)
        merge(\.files)
        result.used = sides.reduce(used) { $0.union($1.used) }
        result.gone = sides.reduce(gone) { $0.intersection($1.gone) }
        let devices = sides.compactMap(\.openedDevice)
        let isClosed = openedDevice != nil && devices.count < sides.count
        result.openedDevice = isClosed ? nil : devices.first
        result.lastResult = nil
        return result
    }

    // MARK: Names

    private var parts: ScenarioParts { ScenarioParts(scenario: scenario, faults: faults, calls: calls) }

    /// `/dev/liveupdate`, opened by the first step that needs it.
    mutating func device() throws -> Device {
        if let openedDevice { return openedDevice }
        try openDevice()
        return try device()
    }

    mutating func openDevice() throws {
        openedDevice = try kernel.openDevice()
    }

    mutating func closeDevice() throws {
        guard let openedDevice else { throw Errno.badFileDescriptor }
        openedDevice.close()
        self.openedDevice = nil
    }

    /// The owner of a handler or FLB; `nil` if it is built in.
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

    /// The number of blocks of memory that this kernel has preserved for the next.
    var preservedCount: Int { kernel.memory.preservedBlockCount }

    /// The number of blocks that the previous kernel's handlers and FLBs preserved and nobody has restored.
    var unclaimedCount: Int { given.count { kernel.memory.isUnclaimed(at: $0.address) } }

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

    /// Gives a file a name in this kernel.
    mutating func name(_ file: any PreservableFile, _ name: String) {
        files[name] = file
        used.insert(name)
        gone.remove(name)
    }

    mutating func file(_ name: String) throws -> any PreservableFile {
        used.insert(name)
        return try makeFile(name)
    }

    private mutating func makeFile(_ name: String) throws -> any PreservableFile {
        if let file = files[name] { return file }
        guard let index = scenario.files.firstIndex(where: { $0.name == name }) else {
            throw ScenarioProblem("no file is called \"\(name)\"")
        }
        let definition = scenario.files[index]
        let file =
            definition.kernelHandler?.makeFile(definition, kernel.configuration.pageSize)
            ?? OpaqueFile(handler: definition.handler ?? "", data: UInt64(index + 1))
        files[name] = file
        return file
    }

    /// A memfd to write to or read.
    mutating func memfd(_ name: String) throws -> MemFD {
        guard !gone.contains(name) else {
            throw ScenarioProblem(
                "file \(name) is of the kernel before, and this one has not retrieved it \"as\": \"\(name)\"")
        }
        guard let memfd = try file(name) as? MemFD else { throw ScenarioProblem("file \(name) is no memfd") }
        return memfd
    }

    func outgoingSession(_ name: String) throws -> OutgoingSession {
        guard let session = outgoing[name] else {
            throw ScenarioProblem("no session \"\(name)\" has been created", errno: .badFileDescriptor)
        }
        return session
    }

    func incomingSession(_ name: String) throws -> IncomingSession {
        guard let session = incoming[name] else {
            throw ScenarioProblem("no session \"\(name)\" has been retrieved", errno: .badFileDescriptor)
        }
        return session
    }
}

/// Collects the events during a step.
final class ScenarioJournal: Sendable {
    private let events = Locked<[Event]>([])

    var observer: Observer {
        { event in
            // Each side of a race records its own events.
            if !RaceSide.record(event) { self.events.withLock { $0.append(event) } }
        }
    }

    /// Returns and removes the events since the last call.
    func take() -> [Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
