import FDT
import KernelABI
import SystemPackage

extension InputKind {
    static let elf = InputKind(.elf)
    static let crashDump = InputKind(.crashDump)
    static let lime = InputKind(.lime)
    static let raw = InputKind(.raw, refusal: .unasked("raw memory cannot be detected; use --raw-at"))

    static let bundle = InputKind(
        name: "bundle", summary: "a handover in one FDT, as written by build and collect",
        refusal: .file { source, _ in
            source.refusal(asTreeCompatibleWith: Bundle.compatible)
        },
        read: { source, context throws(InputError) in
            guard let tree = source.tree?.whole else {
                throw .unreadable(path: source.path, kind: "bundle", reason: "it is truncated or damaged")
            }
            let bundle = try rethrow(Bundle.read(tree)) { (error: BundleError) in
                InputError.unreadable(path: source.path, kind: "bundle", reason: "\(error)")
            }
            let image = MemoryImage(memory: bundle.memory)
            return [try context.read(image, rootAt: bundle.rootAddress, of: source, kind: "bundle")]
        })

    private init(_ form: ImageForm, refusal: Refusal? = nil) {
        self.init(
            name: form.name, summary: form.summary,
            refusal: refusal ?? .file { source, _ in form.refusal(source.prefix(ImageForm.prefix).span.bytes) },
            read: { source, context throws(InputError) in
                guard let file = source.file else { throw .file(.isDirectory(path: source.path)) }
                return [try context.read(try form.open(file, context.options), of: source, kind: form.name)]
            })
    }
}

extension InputContext {
    /// Reads the handover in a memory image: its root is at the given address, or is searched for.
    func read(
        _ image: MemoryImage, rootAt stated: PhysicalAddress? = nil, of source: InputSource, kind: String
    ) throws(InputError) -> HandoverDocument {
        let image = MemoryImage(joining: [image] + [memory].compactMap { $0 })
        var findings = image.findings + bootFindings
        do throws(Finding) {
            let given = (rootAddress ?? stated).map { [$0] }
            let scan = given == nil ? RootScan(of: image.memory, progress: progress) : nil
            findings += scan?.findings ?? []
            let candidates = given ?? scan?.candidates ?? []
            var reading = try withBestPageSize(in: image.memory, besides: findings) { reader throws(Finding) in
                do throws(Finding) {
                    if let given { return try reader.read(rootAt: given[0]) }
                    return try RootChoice(among: candidates, reader: reader).reading
                } catch {
                    if let reading = reader.read(damagedRootsAt: candidates) { return reading }
                    throw error
                }
            }
            reading.findings = findings + reading.findings
            var document = HandoverDocument(
                reading, memory: image.memory, blobs: HandoverDocument.blobs(of: reading, in: image.memory))
            document.scratch = pointer?.scratchAreas(in: image.memory) ?? []
            return document
        } catch {
            // A fault of the image itself is probably the reason why it contains no handover.
            throw .noHandover(path: source.path, kind: kind, error, besides: findings)
        }
    }
}

extension RootScan {
    /// Reports what the search left out.
    fileprivate var findings: [Finding] {
        var findings: [Finding] = []
        if reachedLimit {
            findings.append(
                Finding(
                    .count, of: .input, at: Place("root FDT"),
                    found: "more than \(candidates.count) pages that look like one",
                    expected: "fewer: the rest was not examined"))
        }
        if unreadableBytes > 0 {
            findings.append(
                Finding(
                    .unreadable, of: .input, at: Place("memory image", at: firstUnreadable),
                    found: "\(unreadableBytes) bytes that cannot be read", expected: "all that it lists"))
        }
        return findings
    }
}
