import ArgumentParser
import Dispatch
import Glibc
import Handover
import KernelABI
import KernelBoot
import Synchronization
import SystemPackage

struct Boot: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boot",
        abstract: "Boots a real kernel with a handover in its memory, and reports the outcome.",
        discussion: """
            The kernel is started by QEMU, on an emulated machine that has the IMAGE in its memory. It is a bzImage of \
            x86_64 or an Image of arm64, with CONFIG_KEXEC_HANDOVER, CONFIG_LIVEUPDATE, CONFIG_LIVEUPDATE_MEMFD, and \
            what it takes to boot built in. A small init retrieves and finishes all sessions, and reports each file's \
            size, position and contents, which are compared with the IMAGE.

            The verdict is one of check's, and the line below it is the one that decided it. Here, unchecked means \
            that the kernel crashed or hung. With --initrd, its own init runs, and the verdict is based only on \
            what the kernel itself logs.

            EXAMPLES
              luo-fdt boot handover.elf --kernel bzImage
              luo-fdt boot handover.elf --kernel bzImage --compare
              luo-fdt boot handover.elf --kernel Image --record handed-on.elf

            EXIT STATUS
              0   accepted; with --compare: the kernel and check agree
              1   with --compare: they do not
              2   the image or the kernel cannot be used, or QEMU failed
              3   partly
              4   open-fails
              5   unchecked: the kernel crashed or hung
              6   panic
              7   ignored
              64  wrong usage
            """)

    @Argument(help: "A memory image, or another input that includes memory.")
    var image: FilePath

    @Option(help: ArgumentHelp("The kernel: a bzImage or an arm64 Image.", valueName: "file"))
    var kernel: FilePath

    @Option(
        help: ArgumentHelp("The initial file system, instead of the one with the built-in init.", valueName: "file"))
    var initrd: FilePath?

    @Option(help: ArgumentHelp("More parameters for the kernel.", valueName: "parameters"))
    var append = ""

    @Option(
        help: ArgumentHelp("The machine's memory, with suffix M or G (default: what is needed).", valueName: "size"))
    var memory: ByteCount?

    @Option(help: ArgumentHelp("The seconds after which to give up.", valueName: "seconds"))
    var timeout = 120

    @Option(help: ArgumentHelp("Write the guest's console output to this file.", valueName: "file"))
    var log: FilePath?

    @Option(
        help: ArgumentHelp(
            "Let the guest hand everything over again, by a kexec of the same kernel, and write an image of that.",
            valueName: "file"))
    var record: FilePath?

    @Flag(help: "Compare the kernel's verdict with check's.")
    var compare = false

    @Flag(help: "Use this machine's KVM, which is faster than emulation, but not available everywhere.")
    var kvm = false

    @Option(name: .shortAndLong, help: "The output format.")
    var format = BootFormat.text

    @Option(help: ArgumentHelp("The address of the root FDT, instead of searching for it.", valueName: "address"))
    var fdtPa: PhysicalAddress?

    @Option(help: ArgumentHelp("The page size in bytes, if it cannot be detected.", valueName: "size"))
    var pageSize: PageSize?

    @OptionGroup var content: KindArguments

    func validate() throws {
        if timeout <= 0 { throw ValidationError("--timeout must be a number of seconds above 0.") }
        if record != nil, initrd != nil { throw ValidationError("--record needs the built-in init; remove --initrd.") }
    }

    func run() throws {
        let inputs = [image, kernel] + (initrd.map { [$0] } ?? [])
        var options = InputOptions()
        options.rootAddress = fdtPa
        options.pageSize = pageSize
        options.kinds = content.all()
        let subjects = try CheckSubject.subjects(in: image, options: options)
        guard let subject = subjects.first, subject.rootAddress != nil, !subject.memory.regions.isEmpty else {
            throw BootError.image("\(image): it contains no memory")
        }
        var boot = BootRun(kernel: kernel, initDirectory: Self.initDirectory)
        boot.initrd = initrd
        boot.append = append
        boot.memorySize = memory?.bytes
        boot.timeout = .seconds(timeout)
        boot.usesKVM = kvm
        boot.kexecs = record != nil
        let form = record.flatMap(OutputForm.init(path:)) ?? .elf
        let log = try log.map { try Destination($0, inputs: inputs) }
        let record = try record.map { try Destination($0, inputs: inputs) }
        let status = BootProgress()
        boot.progress = { status.update($0) }
        defer { status.finish() }
        let result = try Interruptible.run { [boot] in
            try await boot.run(subject) { capture in
                guard let record else { return }
                try form.write(capture, to: record)
            }
        }
        status.finish()
        try log?.write(Array((result.lines.joined(separator: "\n") + "\n").utf8))
        let check = compare ? HandoverCheck(subject, options: result.checkOptions) : nil
        let report = BootReport(image: image, kernel: kernel, result: result, check: check)
        let output = OutputStream(.standardOutput)
        format.write(report, to: output)
        output.flush()
        if record != nil, !result.handsOn { throw BootError.image("\(image): nothing was handed over again") }
        throw ExitCode(report.exitStatus)
    }

    /// Where `make` and `make install` put the init programs, relative to the command's directory.
    private static var initDirectory: FilePath {
        let command = realpath("/proc/self/exe", nil)
        defer { free(command) }
        let path = command.map { FilePath(platformString: $0) } ?? "luo-fdt"
        return path.removingLastComponent().pushing("../share/luo-fdt").lexicallyNormalized()
    }
}

/// Runs an asynchronous task until it finishes or a signal interrupts it.
enum Interruptible {
    /// - Throws: What `body` throws; `SIGINT`, `SIGTERM` and `SIGHUP` cancel it.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let result = Mutex<Result<Value, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        let task = Task {
            do {
                let value = try await body()
                result.withLock { $0 = .success(value) }
            } catch {
                result.withLock { $0 = .failure(error) }
            }
            done.signal()
        }
        let numbers = [SIGINT, SIGTERM, SIGHUP]
        let sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { task.cancel() }
            source.resume()
            return source
        }
        done.wait()
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
        guard let value = result.withLock({ $0 }) else { throw CancellationError() }
        return try value.get()
    }
}
