import KernelABI
import SystemPackage

/// A file format for a machine's memory.
struct ImageForm: Sendable {
    let name: String
    let summary: String
    /// The reason why a file that begins with `start` does not have this format; `nil` if it does.
    let refusal: @Sendable (_ start: RawSpan) -> String?
    let open: @Sendable (MappedFile, InputOptions) throws(InputError) -> MemoryImage

    /// The number of bytes at the beginning of a file that identify its format.
    static let prefix = 64

    /// The formats that can be identified from a file's contents.
    static let all: [ImageForm] = [.elf, .crashDump, .lime]

    static let elf = ImageForm(
        name: "elf", summary: "a memory image in an ELF core",
        refusal: { ELFCore.looksLikeOne($0) ? nil : "it does not begin with \\x7fELF" },
        open: { file, _ throws(InputError) in
            let core = try rethrow(ELFCore(file: file)) { (error: ELFError) in
                InputError.unreadable(path: file.path, kind: "elf", reason: "\(error)")
            }
            return MemoryImage(memory: core, findings: core.damage.map(Finding.init(_:)))
        })

    static let crashDump = ImageForm(
        name: "dump", summary: "a kdump-compressed crash dump",
        refusal: { CrashDump.looksLikeOne($0) ? nil : "it does not begin with KDUMP" },
        open: { file, _ throws(InputError) in
            let dump = try rethrow(CrashDump(file: file)) { (error: CrashDumpError) in
                InputError.unreadable(path: file.path, kind: "dump", reason: "\(error)")
            }
            return MemoryImage(dump: dump)
        })

    static let lime = ImageForm(
        name: "lime", summary: "a memory image by LiME",
        refusal: { LiMEDump.looksLikeOne($0) ? nil : "it does not begin with the header of a range" },
        open: { file, _ in
            let (memory, fault) = LiMEDump.read(file)
            let finding = fault.map { Finding($0, "ranges to its end") }
            return MemoryImage(memory: memory, findings: [finding].compactMap { $0 })
        })

    static let raw = ImageForm(
        name: "raw", summary: "a machine's memory without headers, starting at --raw-at",
        refusal: { _ in nil },
        open: { file, options throws(InputError) in
            let start = options.rawAddress ?? PhysicalAddress(0)
            guard let end = start.advanced(by: file.count) else {
                throw .unreadable(
                    path: file.path, kind: "raw", reason: "\(file.count) bytes from \(start) wrap around")
            }
            return MemoryImage(memory: FileSegments([FileSegments.Segment(range: start..<end, offset: 0)], of: file))
        })
}

extension Finding {
    /// A fault in the file that contains the memory.
    fileprivate init(image place: Place = Place("memory image"), _ found: String, _ expected: String) {
        self.init(.input, of: .input, at: place, found: found, expected: expected)
    }

    /// A machine that does not support KHO. Its memory can still be read.
    private init(_ place: Place, ofMachine found: String) {
        self.init(
            .outOfRange, of: .input, at: place, found: found,
            expected: Machine.allCases.map(\.rawValue).joined(separator: " or "))
    }

    /// A truncated file.
    private init(cutShort count: UInt64, of stated: UInt64, _ loss: String = "") {
        self.init("a truncated file: \(count) of \(stated) bytes\(loss)", "all bytes")
    }

    private init(pageSize text: String) {
        self.init(image: Place("VMCOREINFO", field: "PAGESIZE"), text, "4096, 16384 or 65536")
    }

    fileprivate init(_ damage: ELFCore.Damage) {
        func segment(_ index: Int, _ field: String, at address: PhysicalAddress? = nil) -> Place {
            Place("Elf64_Phdr \(index)", field: field, at: address)
        }
        switch damage {
        case .programHeadersMissing(let stated, let present):
            self.init(image: Place("Elf64_Ehdr", field: "e_phnum"), "\(stated)", "\(present), the number present")
        case .cutShort(let count, let stated):
            self.init(cutShort: count, of: stated)
        case .segmentWraps(let index, let address, let size):
            self.init(
                image: segment(index, "p_paddr", at: address), "\(size) bytes from there",
                "a range that does not wrap around")
        case .segmentSizesDisagree(let index, let fileSize, let memorySize):
            self.init(image: segment(index, "p_filesz"), "\(fileSize)", "at most \(memorySize), the value of p_memsz")
        case .pageSize(let text):
            self.init(pageSize: text)
        case .machine(let number):
            self.init(Place("Elf64_Ehdr", field: "e_machine"), ofMachine: "\(number)")
        }
    }

    fileprivate init(_ damage: CrashDump.Damage) {
        switch damage {
        case .cutShort(let count, let stated, let pages):
            self.init(cutShort: count, of: stated, ", without \(pages.inPages)")
        case .endMissing:
            self.init("a flattened dump without an end marker", "a completely written dump")
        case .incomplete:
            self.init(
                image: Place("disk_dump_header", field: "status"), "makedumpfile's mark that the dump is incomplete",
                "a completely written dump")
        case .descriptor(let address, let fault):
            self.init(image: Place("memory image", at: address), fault.reason, "a page of the dump")
        case .furtherDescriptors(let count):
            self.init("\(count) more page\(count == 1 ? "" : "s") whose page_desc is damaged", "none")
        case .pageSize(let text):
            self.init(pageSize: text)
        case .machine(let name):
            self.init(Place("disk_dump_header", field: "utsname.machine"), ofMachine: name.named)
        }
    }
}

extension MemoryImage {
    fileprivate init(dump: CrashDump) {
        var findings = dump.damage.map(Finding.init(_:))
        if dump.pagesLeftOut > 0 {
            findings.append(
                Finding(
                    .leftOut, .unknown, of: .input, at: Place("memory image"),
                    found: "\(dump.pagesLeftOut.inPages) omitted from this dump (dump level \(dump.dumpLevel))",
                    expected: "all pages of the machine"))
        }
        if dump.regions.isEmpty, dump.pagesLeftOut == 0 {
            findings.append(Finding("a dump without pages: its bitmaps are empty", "the pages of a machine"))
        }
        self.init(memory: dump, findings: findings, parts: dump.part == nil ? [] : [dump])
    }
}
