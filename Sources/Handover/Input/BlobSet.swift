import FDT
import KernelABI

/// A handover as blobs: the root FDT, which may be missing or truncated, and subtrees by name.
struct BlobSet {
    var root: InputTree?
    var subtrees: [(name: String, bytes: [UInt8])] = []
    /// Files that cannot be read.
    var findings: [Finding] = []

    init(root: InputTree?) {
        self.root = root
    }

    var named: [HandoverDocument.Blob] {
        (root.map { [HandoverDocument.Blob(name: HandoverDocument.Blob.rootName, $0)] } ?? [])
            + subtrees.map { HandoverDocument.Blob(name: $0.name, bytes: $0.bytes) }
    }

    var byName: [String: [UInt8]] {
        Dictionary(subtrees.map { ($0.name, $0.bytes) }, uniquingKeysWith: { first, _ in first })
    }
}

extension InputContext {
    /// Reads a handover from its blobs, following pointers if there is memory.
    ///
    /// - Parameters:
    ///   - beside: The memory that comes with the blobs, unless the user gives another one.
    ///   - root: The address of the root in the memory, if known.
    func read(
        _ blobs: BlobSet, memory beside: MemoryImage? = nil, rootAt root: PhysicalAddress?, of source: InputSource,
        kind: String
    ) throws(InputError) -> HandoverDocument {
        let image = self.memory ?? beside
        let memory: any PhysicalMemory = image?.memory ?? EmptyMemory()
        do throws(Finding) {
            var reading = try read(blobs, memory, rootAt: root)
            if let image, image.isSearched(options), reading.state.kho?.fdtAddress == nil, let root = blobs.root {
                reading = Self.placing(reading, at: Self.address(of: root.bytes, in: image.memory))
            }
            reading.findings = (image?.findings ?? []) + blobs.findings + reading.findings
            return HandoverDocument(reading, memory: memory, blobs: blobs.named)
        } catch {
            throw .noHandover(path: source.path, kind: kind, error, besides: [])
        }
    }

    /// The address of a root FDT in memory.
    private static func address(of root: [UInt8], in memory: any PhysicalMemory) -> PhysicalAddress? {
        RootScan(of: memory).candidates.first { address in
            let isEqual = try? memory.withBytes(at: address, count: root.count) { bytes in
                bytes.withUnsafeBytes { $0.elementsEqual(root) }
            }
            return isEqual ?? false
        }
    }

    /// A reading of a root whose address was found afterwards.
    private static func placing(_ reading: Reading, at address: PhysicalAddress?) -> Reading {
        guard let address, let size = reading.state.kho?.fdtSize else { return reading }
        var placed = reading
        placed.state.kho?.fdtAddress = address
        placed.extents.insert(
            Extent(address: address, byteCount: Int(size), role: .root, form: .tree, owner: .kho), at: 0)
        return placed
    }

    private func read(
        _ blobs: BlobSet, _ memory: any PhysicalMemory, rootAt address: PhysicalAddress?
    ) throws(Finding) -> Reading {
        switch blobs.root?.contents {
        case nil:
            return try readRootless(blobs, memory, rootAt: address)
        case .whole(let tree):
            var reading = try withBestPageSize(in: memory) { reader throws(Finding) in
                try reader.read(root: tree, at: address, blobs: blobs.byName)
            }
            for blob in blobs.subtrees where tree.root.subnode(named: blob.name) == nil {
                reading.findings.append(
                    Finding(
                        .missing, of: .subtree(blob.name), at: Place(Place.rootName),
                        found: "a file of \(blob.bytes.count) bytes, but no node with its name", expected: "both"))
            }
            return reading
        case .damaged(let partial, let verdict):
            let root = PartialRoot(partial, subtrees: blobs.subtrees.map(\.name))
            var reading =
                if root.compatible != nil {
                    try read(root, blobs, memory, rootAt: address, generation: options.generation)
                } else {
                    try readRootless(blobs, memory, rootAt: address)
                }
            var findings = root.findings(verdict: verdict)
            if partial.isCutShort {
                // These are faults of the file, and say nothing about the handover.
                for index in findings.indices where findings[index].severity == .damage {
                    findings[index].cause = .input
                }
            }
            reading.findings = findings + reading.findings
            return reading
        }
    }

    private func read(
        _ root: PartialRoot, _ blobs: BlobSet, _ memory: any PhysicalMemory, rootAt address: PhysicalAddress?,
        generation: Generation?
    ) throws(Finding) -> Reading {
        let tree = try rethrow(root.tree(compatible: generation?.root.compatible)) { (error: FDTError) in
            Finding(.notATree, of: .kho, at: Place("root FDT"), found: error.description, expected: "an FDT")
        }
        var reading = try withBestPageSize(in: memory) { reader throws(Finding) in
            // What the tree lacks is already reported.
            try reader.read(root: tree, isKernels: false, at: address, blobs: blobs.byName)
        }
        reading.state.kho?.fdtSize = root.statedSize
        return reading
    }

    /// Reads subtrees without a root, as the newest generation with the fewest findings.
    private func readRootless(
        _ blobs: BlobSet, _ memory: any PhysicalMemory, rootAt address: PhysicalAddress?
    ) throws(Finding) -> Reading {
        let root = PartialRoot(nil, subtrees: blobs.subtrees.map(\.name))
        var best: (reading: Reading, damage: Int)?
        for generation in options.generation.map({ [$0] })
            ?? (options.generations ?? Generation.known).filter(\.isReleased).reversed()
        {
            var reading = try read(root, blobs, memory, rootAt: address, generation: generation)
            reading.state.kho?.compatible = nil
            reading.state.kho?.preservedMemoryMap = nil
            let damage = reading.findings.count { $0.severity == .damage }
            if damage < best?.damage ?? .max { best = (reading, damage) }
        }
        guard let best = best?.reading else {
            throw Finding(.missing, of: .kho, at: Place("root FDT"), found: "nothing", expected: "a handover")
        }
        return best
    }
}
