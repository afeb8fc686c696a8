import Glibc
import KernelABI
import SystemPackage

extension InputKind {
    /// The name of the kind for a running machine.
    public static let machineName = "machine"

    static let machine = InputKind(
        name: machineName, summary: "this machine, through /sys, /proc and /dev; or a copy of these",
        refusal: .unasked("a machine is read only without INPUT, or with --as machine"),
        read: { source, context throws(InputError) in
            let machine = LiveMachine(root: source.path)
            return try machine.documents(try machine.withPageSize(context), of: source)
        })
}

extension HandoverInput {
    /// This machine, as an input of the kind named ``InputKind/machineName``.
    public static let thisMachine: FilePath = "/"
}

/// The running machine: reads the incoming handover, and the outgoing one being prepared, from debugfs, boot data and
/// memory.
///
/// Follows pointers but does not search. The kernel may already have freed structures of the incoming handover.
private struct LiveMachine {
    /// The directory that contains `/sys`, `/proc` and `/dev`.
    let root: FilePath

    /// The machine's own page size is that of its kernel.
    func withPageSize(_ context: InputContext) throws(InputError) -> InputContext {
        guard root == HandoverInput.thisMachine, context.options.pageSize == nil else { return context }
        var options = context.options
        options.pageSize = PageSize(rawValue: sysconf(Int32(_SC_PAGESIZE)))
        return try InputContext(options, progress: context.progress)
    }

    func documents(_ context: InputContext, of source: InputSource) throws(InputError) -> [HandoverDocument] {
        var missing: [Finding] = []
        let pointer = context.pointer ?? self.pointer
        if pointer == nil {
            missing.append(
                Self.missing(
                    "no root FDT in the boot data", "a boot by kexec with a handover: kho=on in both kernels"))
        }
        var image = context.memory
        if image == nil {
            do throws(InputError) {
                image = try memory(context.options)
            } catch {
                missing.append(Self.missing("no memory: \(error)", memoryNeeds))
            }
        }
        image?.isLive = true
        let debugfs = DebugFSDirectory(root.appending("sys/kernel/debug/kho"))
        if debugfs.parts.isEmpty { missing.append(Self.missing("no /sys/kernel/debug/kho", debugfsNeeds)) }

        var documents = try debugfs.documents(
            context, of: source, kind: "machine", memory: image, rootAt: pointer?.root)
        if let pointer, let image, !documents.contains(where: { $0.part == "in" }) {
            do throws(InputError) {
                var document = try context.read(image, rootAt: pointer.root, of: source, kind: "machine")
                document.part = "in"
                documents.insert(document, at: 0)
            } catch {
                missing.append(Self.missing("\(error)", "a root FDT that is still in place"))
            }
        }
        guard !documents.isEmpty else {
            throw .noHandover(
                path: source.path, kind: "machine", Self.missing("no handover", "one"),
                besides: missing)
        }
        if let pointer, let image, let incoming = documents.firstIndex(where: { $0.part == "in" }) {
            documents[incoming].scratch += pointer.scratchAreas(in: image.memory)
            documents[incoming].reading.leaveOutFreed()
            missing.append(
                Self.missing(
                    "the received handover as it is now: the kernel frees luo_ser and the preserved map after use",
                    "its original state; --search finds what is still in place"))
        }
        documents[0].reading.findings = missing + documents[0].reading.findings
        return documents
    }

    private static func missing(_ found: String, _ expected: String) -> Finding {
        Finding(.missing, .unknown, of: .input, at: Place("this machine"), found: found, expected: expected)
    }

    // MARK: Boot data

    /// The boot loader's data, in whichever form the machine has it.
    private var pointer: HandoverPointer? {
        let list = root.appending("sys/kernel/boot_params/setup_data")
        let nodes = Directory.entries(of: list).map { list.appending($0) }.filter { node in
            text(node.appending("type")).flatMap { UInt64(hexadecimal: $0) }
                == UInt64(SetupDataLayout.kexecHandoverType)
        }
        let candidates = nodes.map { $0.appending("data") } + [root.appending("sys/firmware/fdt")]
        return candidates.lazy.compactMap { try? HandoverPointer(path: $0) }.first
    }

    // MARK: Memory

    private func memory(_ options: InputOptions) throws(InputError) -> MemoryImage {
        do throws(InputError) {
            return try MemoryImage(path: root.appending("proc/kcore"), options: options)
        } catch {
            guard let image = deviceMemory else { throw error }
            return image
        }
    }

    /// `/dev/mem`, limited to RAM: reading elsewhere can hang a device.
    private var deviceMemory: MemoryImage? {
        guard let file = try? MappedFile(path: root.appending("dev/mem")) else { return nil }
        let segments = systemRAM.filter { $0.upperBound.rawValue <= file.count }
            .map { FileSegments.Segment(range: $0, offset: $0.lowerBound.rawValue) }
        return segments.isEmpty ? nil : MemoryImage(memory: FileSegments(segments, of: file))
    }

    /// The RAM ranges of `/proc/iomem`; they are all 0 for users other than root.
    private var systemRAM: [Range<PhysicalAddress>] {
        (text(root.appending("proc/iomem")) ?? "").split(separator: "\n").compactMap { line in
            // An indented line is part of a range that is not RAM.
            guard line.hasSuffix(" : System RAM"), line.first != " " else { return nil }
            let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64(hexadecimal: $0) }
            guard ends.count == 2, ends[0] < ends[1], ends[1] < .max else { return nil }
            return PhysicalAddress(ends[0])..<PhysicalAddress(ends[1] + 1)
        }
    }

    // MARK: What is missing, and what would give it

    private var needsRoot: [String] {
        root == HandoverInput.thisMachine && geteuid() != 0 ? ["root permission"] : []
    }

    private var memoryNeeds: String {
        let lockdown = text(root.appending("sys/kernel/security/lockdown")) ?? ""
        let isLocked = lockdown.contains("[integrity]") || lockdown.contains("[confidentiality]")
        return Self.list(
            needsRoot + (isLocked ? ["a kernel that is not locked down (currently \(lockdown))"] : []),
            or: "/proc/kcore (CONFIG_PROC_KCORE), or --memory FILE")
    }

    private var debugfsNeeds: String {
        let arguments = (text(root.appending("proc/cmdline")) ?? "").split(separator: " ")
        let isOn = arguments.contains { ["kho=on", "kho=1", "kho=y"].contains($0) }
        return Self.list(
            needsRoot + (isOn ? [] : ["kho=on on the kernel's command line"]),
            or: "debugfs mounted there, and CONFIG_KEXEC_HANDOVER_DEBUGFS")
    }

    private static func list(_ needs: [String], or other: String) -> String {
        needs.isEmpty ? other : needs.joined(separator: ", and ")
    }

    /// A small file as text, with surrounding white space removed.
    private func text(_ path: FilePath) -> String? {
        guard let file = try? MappedFile(path: path) else { return nil }
        let text = String(decoding: InputSource.bytes(of: file, limit: InputSource.blobLimit), as: UTF8.self)
        return String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}

extension Reading {
    /// Removes what the kernel has freed after reading it, if the memory has been reused.
    fileprivate mutating func leaveOutFreed() {
        func isDamaged(_ isPart: (Owner) -> Bool) -> Bool {
            findings.contains { isPart($0.owner) && $0.severity == .damage }
        }
        if isDamaged(\.isMap) {
            state.preserved = nil
            replace(\.isMap, by: "the map of preserved memory", of: .map)
        }
        if isDamaged(\.isLUO) {
            state.luo = nil
            replace(\.isLUO, by: "LUO state", of: .luo())
        }
    }

    private mutating func replace(_ isPart: (Owner) -> Bool, by name: String, of owner: Owner) {
        findings.removeAll { isPart($0.owner) }
        extents.removeAll { isPart($0.owner) }
        findings.append(
            Finding(
                .freed, .unknown, of: owner, at: Place(name), found: "other data in its place",
                expected: "\(name); the kernel has freed it since"))
    }
}
