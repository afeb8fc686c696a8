import ArgumentParser
import Handover
import KernelABI
import KernelBTF
import SystemPackage

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Predicts what the next kernel would do with a handover.",
        discussion: """
            The verdict is one of
              accepted    all of it is accepted
              unknown     the input does not show enough to tell; what it shows is accepted
              partly      something cannot be retrieved; the rest can
              open-fails  opening /dev/liveupdate always fails with EIO
              unchecked   the kernel does not check, and uses the invalid data
              panic       the kernel panics
              ignored     the boot continues, and everything handed over is lost

            Each finding belongs to a rule; --rules lists all rules. As in dtc, -W and -E make a rule a warning or an \
            error, or turn it off. Scratch areas in a debugfs directory are used like those of --scratch.

            EXAMPLES
              luo-fdt check vmcore
              luo-fdt check --kernel 7.3 --scratch 0x4000000,32M vmcore
              luo-fdt check -W no-slack -E two-owners vmcore
              luo-fdt check /sys/kernel/debug/kho
              luo-fdt check --kernel 6.19.9 vmcore
              luo-fdt check --kernel /boot/vmlinux-next vmcore
              luo-fdt check --from 7.0.3 --to 7.3.4
              luo-fdt check --from /sys/kernel/btf/vmlinux --to ./vmlinux

            \(CheckOutcome.discussion)
            """)

    @Argument(help: "Memory images, or other inputs that dump accepts. Default: this machine.")
    var inputs: [FilePath] = []

    @Option(
        help: ArgumentHelp(
            "The receiving kernel: a release, or a file with its BTF. Default: that of --btf.",
            valueName: "kernel"))
    var kernel: KernelArgument?

    @Option(help: ArgumentHelp("The page size of that kernel, if it differs from the handover's.", valueName: "size"))
    var kernelPageSize: PageSize?

    @Option(help: ArgumentHelp("Without an INPUT: the kernel that hands over.", valueName: "kernel"))
    var from: KernelArgument?

    @Option(help: ArgumentHelp("Without an INPUT: the receiving kernel.", valueName: "kernel"))
    var to: KernelArgument?

    @Option(
        name: [.customShort("W", allowingJoined: true), .customLong("warn")],
        help: ArgumentHelp("Treat a rule as a warning; no-RULE disables it.", valueName: "rule"),
        completion: RuleExplanation.completion)
    var warnings: [String] = []

    @Option(
        name: [.customShort("E", allowingJoined: true), .customLong("error")],
        help: ArgumentHelp("Treat a rule as an error; no-RULE as a warning.", valueName: "rule"),
        completion: RuleExplanation.completion)
    var errors: [String] = []

    @Option(help: ArgumentHelp("Memory that the next kernel boots from.", valueName: "address,size"))
    var scratch: [MemoryRange] = []

    @Option(help: ArgumentHelp("The name of an additional file handler of the kernel.", valueName: "name"))
    var handler: [String] = []

    @Option(name: .shortAndLong, help: "The output format.")
    var format: CheckFormat = .text

    @Flag(help: "List the rules.")
    var rules = false

    @Option(
        help: ArgumentHelp(
            "Explain a rule or a known defect: what the kernel does, which kernels do so, and how to fix it.",
            valueName: "rule"),
        completion: RuleExplanation.completion)
    var explain: String?

    @Flag(name: .shortAndLong, help: "Print nothing; report only through the exit status.")
    var quiet = false

    @OptionGroup var source: SourceArguments

    func validate() throws {
        if rules || explain != nil {
            guard format == .text else {
                throw ValidationError("--rules and --explain have their own format; remove --format.")
            }
            return
        }
        for argument in [kernel, from, to] { try argument?.requireKnown() }
        if (from == nil) != (to == nil) { throw ValidationError("--from and --to must be given together.") }
        if from != nil, !inputs.isEmpty { throw ValidationError("--from and --to compare two kernels; remove INPUT.") }
        var options = HandoverCheck.Options()
        try treatRules(&options)
    }

    func run() throws {
        let output = OutputStream.standardOutput(inputs: inputs + source.options.files)
        if let explain {
            let all = CheckRule.all(with: source.content.all())
            let texts = [
                all.first { $0.name == explain }?.explanationText,
                KernelDefect.all.first { $0.name == explain }?.explanationText,
            ].compactMap { $0 }
            guard !texts.isEmpty else {
                throw Self.unknownRule(explain, among: all.map(\.name) + KernelDefect.all.map(\.name))
            }
            output.write(texts.joined(separator: "\n"))
            output.flush()
            return
        }
        if rules {
            output.write(CheckFormat.table(of: CheckRule.all(with: source.content.all())))
            output.flush()
            return
        }
        var options = HandoverCheck.Options()
        let types = try to == nil && kernel == nil ? source.content.btf.map(KernelArgument.file)?.target() : nil
        let receiver = try (to ?? kernel)?.target() ?? types.flatMap { $0.isKernel ? $0 : nil }
        options.generation = receiver?.generation
        options.release = receiver?.release
        options.pageSize = kernelPageSize ?? receiver?.pageSize
        options.differences = receiver?.differences ?? []
        options.lacksKHO = receiver?.lacksKHO ?? false
        options.scratch = scratch.map(\.range)
        options.handlers = Set(handler)
        try treatRules(&options)

        var reports: [CheckReport] = []
        var last: [CheckSubject] = []
        if let sender = try from?.target(), let receiver {
            options.differences = sender.differences(from: receiver)
            reports.append(
                CheckReport(
                    check: HandoverCheck(
                        from: sender.generation, to: receiver.generation, releases: (sender.release, receiver.release),
                        pageSizes: (source.options.pageSize ?? sender.pageSize, options.pageSize), options: options)))
        }
        var sourceOptions = source.options
        let inputs = from == nil ? SourceArguments.inputs(inputs, &sourceOptions) : []
        for parts in HandoverInput.groups(of: inputs) {
            let path = parts[0]
            Heap.makeRoom(forInputAt: path, share: 0.4)
            do throws(InputError) {
                var inputOptions = sourceOptions
                inputOptions.memory += parts.dropFirst()
                let subjects = try ProgressBar.whileReading { (progress) throws(InputError) in
                    try CheckSubject.subjects(in: path, options: inputOptions, progress: progress)
                }
                reports += subjects.map {
                    CheckReport(path: path, subject: $0, check: HandoverCheck($0, options: options))
                }
                last = subjects
            } catch {
                Diagnostics.report("\(error)")
                reports.append(CheckReport(path: path, failure: "\(error)"))
            }
        }
        if !quiet { format.write(reports, to: output) }
        output.flush()
        ExitStatus.exit(reports.map(\.outcome).max()?.status ?? 0, keeping: last)
    }

    private static func unknownRule(_ name: String, among known: some Collection<String>) -> ValidationError {
        let suggestion = Spelling.suggestion(for: name, among: known).map { " \($0)" } ?? ""
        return ValidationError("Unknown rule \(ImageText(name));\(suggestion) luo-fdt check --rules lists them.")
    }

    /// Applies -W and -E to the rules.
    private func treatRules(_ options: inout HandoverCheck.Options) throws {
        let known = Set(CheckRule.all(with: source.content.all()).map(\.name))
        for (given, severity) in [(warnings, CheckRule.Severity.warning), (errors, .error)] {
            for argument in given {
                let isOff = argument.hasPrefix("no-") && !known.contains(argument)
                let name = isOff ? String(argument.dropFirst(3)) : argument
                guard known.contains(name) else {
                    throw Self.unknownRule(name, among: known)
                }
                options.severities[name] = isOff ? .warning : severity
                if isOff, severity == .warning { options.disabled.insert(name) }
            }
        }
    }
}

/// A memory range given as an argument: `ADDRESS,SIZE`, where SIZE is in bytes or has suffix K, M or G.
struct MemoryRange: ExpressibleByArgument {
    let range: Range<PhysicalAddress>

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = PhysicalAddress(argument: String(parts[0])) else { return nil }
        guard let size = ByteCount(argument: String(parts[1])), let end = start.advanced(by: size.bytes) else {
            return nil
        }
        range = start..<end
    }
}
