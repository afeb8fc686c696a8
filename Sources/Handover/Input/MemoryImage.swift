import KernelABI
import SystemPackage

/// A file that holds a machine's memory, in any form known here.
struct MemoryImage: Sendable {
    let memory: any PhysicalMemory
    /// What is wrong with the file, though it can be read.
    let findings: [Finding]

    /// Opens an ELF core, or else whatever libkdumpfile reads.
    init(path: FilePath) throws(InputError) {
        let source = try InputSource(path)
        if let file = source.file, ELFCore.looksLikeOne(source.prefix(16).span.bytes) {
            try self.init(core: file)
        } else {
            try self.init(dumpAt: path)
        }
    }

    init(memory: any PhysicalMemory) {
        self.memory = memory
        findings = []
    }

    init(core file: MappedFile) throws(InputError) {
        do throws(ELFError) {
            let core = try ELFCore(file: file)
            memory = core
            findings = core.damage.map(Finding.init(_:))
        } catch {
            throw .unreadable(path: file.path, kind: InputKind.elf.name, reason: "\(error)")
        }
    }

    init(dumpAt path: FilePath) throws(InputError) {
        do throws(CrashDumpError) {
            memory = try CrashDump(path: path)
            findings = []
        } catch {
            throw .unreadable(path: path, kind: InputKind.crashDump.name, reason: error.reason)
        }
    }
}

extension CrashDumpError {
    /// What is wrong, without the path.
    var reason: String {
        switch self {
        case .refused(_, let reason): "libkdumpfile does not take it for a dump: \(reason)"
        case .noPageSize: "the dump does not state a page size"
        case .file, .libraryMissing: description
        }
    }
}

extension Finding {
    fileprivate init(_ damage: ELFCore.Damage) {
        func finding(_ place: Place, _ found: String, _ expected: String) -> Finding {
            Finding(.input, of: .input, at: place, found: found, expected: expected)
        }
        func segment(_ index: Int, _ field: String? = nil, at address: PhysicalAddress? = nil) -> Place {
            Place("Elf64_Phdr \(index)", field: field, at: address)
        }
        self =
            switch damage {
            case .programHeadersMissing(let stated, let present):
                finding(Place("Elf64_Ehdr", field: "e_phnum"), "\(stated)", "the \(present) there are")
            case .segmentCutShort(let index, let address, let missing):
                finding(
                    segment(index, at: address), "a file that ends \(missing) bytes before the segment does",
                    "all of the segment")
            case .segmentWraps(let index, let address, let size):
                finding(
                    segment(index, "p_paddr", at: address), "\(size) bytes from there on",
                    "a range that does not wrap around")
            case .segmentSizesDisagree(let index, let fileSize, let memorySize):
                finding(segment(index, "p_filesz"), "\(fileSize)", "at most \(memorySize), which is p_memsz")
            case .pageSize(let text):
                finding(Place("VMCOREINFO", field: "PAGESIZE"), text, "4096, 16384 or 65536")
            }
    }
}
