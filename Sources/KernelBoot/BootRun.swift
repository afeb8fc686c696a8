import Handover
import KernelABI
import Synchronization
import SystemPackage

/// Boots a kernel with a handover in its memory, and reports the outcome.
public struct BootRun: Sendable {
    public var kernel: FilePath
    /// The initial file system; `nil` for an init that retrieves and finishes all sessions and reports on them.
    public var initrd: FilePath?
    /// Additional kernel parameters.
    public var append = ""
    /// The size of the guest's memory in bytes; `nil` for as much as the image requires.
    public var memorySize: UInt64?
    public var timeout = Duration.seconds(120)
    /// How long the guest may be silent; `nil` for no limit.
    public var silence: Duration?
    /// Whether to use KVM instead of emulating the processor.
    public var usesKVM = false
    /// The directory that contains the programs `init-x86_64` and `init-aarch64`.
    public var initDirectory: FilePath
    /// Whether the guest should hand everything over again with a kexec of the same kernel; see ``Result/handsOn``.
    public var kexecs = false
    /// What the guest is asked for, if different from the handover: for example, that of an image before it was
    /// damaged.
    public var wanted: HandoverState?
    /// Called with each line of the guest's console.
    public var progress: @Sendable (String) -> Void = { _ in }

    public init(kernel: FilePath, initDirectory: FilePath) {
        self.kernel = kernel
        self.initDirectory = initDirectory
    }

    public struct Result: Sendable {
        public var outcome: BootOutcome
        /// The release of the kernel, as it reports it.
        public var release: String?
        public var pageSize: PageSize
        /// The guest's memory, and the part of it from which the kernel boots.
        public var memory: [Range<PhysicalAddress>]
        public var scratch: [Range<PhysicalAddress>]
        public var sessions: [BootedSession]
        /// The guest's complete output, without time stamps.
        public var lines: [String]
        /// Whether the guest ended, in whatever way, rather than timing out or being silent for too long.
        public var ended: Bool
        /// Whether everything was handed over again; see ``BootRun/kexecs``.
        public var handsOn: Bool

        /// Options that make ``HandoverCheck`` check for the booted kernel, if its release is known.
        public var checkOptions: HandoverCheck.Options {
            var options = HandoverCheck.Options()
            options.generation = release.flatMap { Generation(release: $0) }
            options.release = release.flatMap { Release($0) }
            options.pageSize = pageSize
            options.memory = memory
            options.scratch = scratch
            return options
        }

        /// Messages about the handover, and errors.
        public var handoverLines: [String] {
            let words = ["KHO", "luo", "liveupdate", "reserve", "WARNING: ", "BUG: ", "Oops", "panic"]
            return lines.filter { line in
                !line.contains("ommand line") && words.contains { line.contains($0) }
            }
        }
    }

    /// - Parameters:
    ///   - subject: The handover; it may be broken.
    ///   - takeOver: Called with what the guest is about to hand over in turn, if ``kexecs`` is set.
    public func run(
        _ subject: CheckSubject, takeOver: (Capture) throws -> Void = { _ in }
    ) async throws -> Result {
        guard let root = subject.rootAddress else {
            throw BootError.image("the image does not state the address of its root FDT")
        }
        let machine = try GuestMachines.machine(for: kernel)
        let state = wanted ?? subject.reading?.state
        var sessions = [BootedSession](of: state, memory: subject.memory)
        let archive = try initrdBytes(machine, orders: sessions.orders(thenKexec: kexecs))

        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let plan = try BootPlan(
            subject, root: root, machine: machine, initrdSize: UInt64(archive.count), memorySize: memorySize)
        let memory = try GuestMemory(at: directory.path.appending("memory"), banks: plan.banks)
        defer { memory.close() }
        try memory.write(plan.image)
        try memory.write(archive, at: plan.initrd.lowerBound)
        let arguments = try await machine.load(
            plan, commandLine: commandLine(machine, state), into: memory, directory: directory.path)

        let stub = directory.path.appending("gdb")
        let console = Console()
        let isOurInit = initrd == nil
        let stopped = Atomic(false)
        let ended = try await Emulator(type(of: machine)).run(
            arguments + [
                "-accel", usesKVM ? "kvm" : "tcg", "-m", "\(plan.memorySize >> 20)",
                "-object", "memory-backend-file,id=ram,share=on,mem-path=\(memory.path),size=\(plan.memorySize)",
                "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            ] + (kexecs ? ["-gdb", "unix:path=\(stub),server=on,wait=off"] : []),
            timeout: timeout, silence: silence
        ) { text, answer in
            let line = console.add(text)
            progress(line)
            // Another init may load a kernel to start after a crash.
            if isOurInit, BootOutcome.isTheEnd(line) { return false }
            guard isOurInit, let report = InitReport(line) else { return true }
            if report.words.first == "done" { return false }
            if report.words.first == "kexec", report.errno() == 0, let address = report.value(of: "machine_kexec") {
                guard address != 0 else {
                    throw BootError.emulator("the guest has no /proc/kallsyms, which is needed to find machine_kexec")
                }
                try await DebugStub(at: stub).run(to: address) { try await answer("\n") }
                stopped.store(true, ordering: .relaxed)
                return false
            }
            return true
        }
        let lines = console.lines
        for report in lines.compactMap(InitReport.init) { sessions.take(report) }
        let handsOn = kexecs && stopped.load(ordering: .relaxed)
        let result = Result(
            outcome: BootOutcome(lines: lines, sessions: sessions, state: state),
            release: Self.release(lines) ?? machine.release, pageSize: machine.pageSize, memory: plan.banks,
            scratch: plan.scratch, sessions: sessions, lines: lines, ended: ended, handsOn: handsOn)
        if handsOn { try takeOver(try Self.handedOver(in: memory, machine)) }
        return result
    }

    private func initrdBytes(_ machine: some GuestMachine, orders: String) throws(BootError) -> [UInt8] {
        if let initrd {
            return try MappedFile.contents(of: initrd)
        }
        let name = "init-\(type(of: machine).machine.rawValue)"
        return try Initrd.archive(with: initDirectory.appending(name), orders, kernel: kexecs ? kernel : nil)
    }

    private func commandLine(_ machine: some GuestMachine, _ state: HandoverState?) -> String {
        let regions = Self.regions(of: state).map {
            "reserve_mem=\($0.size):\(machine.pageSize.bytes):\($0.name.repaired)"
        }
        let common = ["kho=on liveupdate=on panic=-1 loglevel=8 printk.devkmsg=on"]
        return ([type(of: machine).console] + common + regions + [append]).joined(separator: " ")
    }

    /// The `reserve_mem` regions whose names can be given on a kernel command line.
    static func regions(of state: HandoverState?) -> [MemblockState.Region] {
        (state?.memblock?.regions ?? []).filter { region in
            !region.name.bytes.isEmpty
                && region.name.bytes.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
        }
    }

    /// `Linux version 7.3.4 (…`
    private static func release(_ lines: [String]) -> String? {
        let words = "Linux version "
        let line = lines.first { $0.hasPrefix(words) }
        return line?.dropFirst(words.count).split(separator: " ").first.map(String.init)
    }

    private static func handedOver(in memory: GuestMemory, _ machine: some GuestMachine) throws -> Capture {
        let image = try GuestMemoryImage(memory, of: machine)
        let reader = HandoverReader(memory: image, pageSize: machine.pageSize)
        let choice = try RootChoice(among: RootScan(of: image).candidates, reader: reader)
        return Capture(of: choice.reading, in: image, contents: true)
    }
}
