import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let elf = InputKind(
        name: "elf", summary: "a memory image in an ELF core",
        refusal: .file { source, _ in
            ELFCore.looksLikeOne(source.prefix(16).span.bytes) ? nil : "it does not begin with \\x7fELF"
        },
        read: { source, context throws(InputError) in
            guard let file = source.file else { return [] }
            return [try context.read(try MemoryImage(core: file), of: source, kind: "elf")]
        })

    static let bundle = InputKind(
        name: "bundle", summary: "a handover in one FDT, as build and collect write it",
        refusal: .file { source, _ in
            guard let tree = source.tree?.whole else { return "it is not an FDT" }
            return Bundle.isBundle(tree) ? nil : "its compatible is not that of a bundle"
        },
        read: { source, context throws(InputError) in
            guard let tree = source.tree?.whole else { return [] }
            let bundle: Bundle.Contents
            do throws(BundleError) {
                bundle = try Bundle.read(tree)
            } catch {
                throw .unreadable(path: source.path, kind: "bundle", reason: "\(error)")
            }
            let image = MemoryImage(memory: bundle.memory)
            return [try context.read(image, rootAt: bundle.rootAddress, of: source, kind: "bundle")]
        })

    static let crashDump = InputKind(
        name: "dump", summary: "a kdump-compressed or other crash dump that libkdumpfile reads",
        refusal: .file { source, _ in
            guard let path = source.dumpPath else { return "crash dumps are read from files alone" }
            do throws(CrashDumpError) {
                _ = try CrashDump(path: path)
                return nil
            } catch {
                return error.reason
            }
        },
        read: { source, context throws(InputError) in
            guard let path = source.dumpPath else { return [] }
            return [try context.read(try MemoryImage(dumpAt: path), of: source, kind: "dump")]
        })
}

extension InputSource {
    fileprivate var dumpPath: FilePath? {
        if case .file(_, let reopen) = contents { reopen } else { nil }
    }
}

extension InputContext {
    /// Reads the handover in a memory image: its root is where the user says, or is searched for.
    fileprivate func read(
        _ image: MemoryImage, rootAt stated: PhysicalAddress? = nil, of source: InputSource, kind: String
    ) throws(InputError) -> HandoverDocument {
        let memory: any PhysicalMemory =
            if let other = self.memory { LayeredMemory([image.memory, other.memory]) } else { image.memory }
        var findings = image.findings + (self.memory?.findings ?? [])
        do throws(Finding) {
            var reading: Reading
            if let rootAddress = rootAddress ?? stated {
                reading = try withBestPageSize(in: memory) { reader throws(Finding) in
                    try reader.read(rootAt: rootAddress)
                }
            } else {
                let scan = RootScan(of: memory, progress: progress)
                findings += scan.findings
                reading = try withBestPageSize(in: memory) { reader throws(Finding) in
                    try RootChoice(among: scan.candidates, reader: reader).reading
                }
            }
            reading.findings = findings + reading.findings
            return HandoverDocument(
                reading, memory: memory, blobs: HandoverDocument.blobs(of: reading, in: memory))
        } catch {
            // What is wrong with the image itself is likely why there is no handover in it.
            throw .noHandover(path: source.path, kind: kind, findings.first ?? error)
        }
    }
}

extension RootScan {
    /// What the search left out.
    fileprivate var findings: [Finding] {
        var findings: [Finding] = []
        if reachedLimit {
            findings.append(
                Finding(
                    .count, of: .input, at: Place("root FDT"), found: "more than \(candidates.count) pages that look like one",
                    expected: "fewer: the rest was not looked at"))
        }
        if unreadableBytes > 0 {
            findings.append(
                Finding(
                    .unreadable, .unknown, of: .input, at: Place("memory image"), found: "\(unreadableBytes) bytes that cannot be read",
                    expected: "all that it lists"))
        }
        return findings
    }
}
