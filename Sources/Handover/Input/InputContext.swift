import FDT
import KernelABI
import SystemPackage

/// Data shared by the readers of all kinds of input: the options, opened and parsed.
struct InputContext {
    var options: InputOptions
    /// What the kernel was told at boot, if the user provides it.
    let pointer: HandoverPointer?
    /// The memory that accompanies the input, if any.
    let memory: MemoryImage?
    let progress: (UInt64, UInt64) -> Void

    init(_ options: InputOptions, progress: @escaping (UInt64, UInt64) -> Void) throws(InputError) {
        self.options = options
        self.progress = progress
        pointer = if let path = options.bootData { try HandoverPointer(path: path) } else { nil }
        var images: [MemoryImage] = []
        for path in options.memory { images.append(try MemoryImage(path: path, options: options)) }
        memory = images.isEmpty ? nil : MemoryImage(joining: images)
    }

    /// What the kernel should have been told at boot but was not.
    var bootFindings: [Finding] {
        guard let lacking = pointer?.lacking else { return [] }
        return [Finding(.missing, of: .kho, at: Place(Place.bootData), found: "no \(lacking)", expected: "one")]
    }

    /// The address of the root FDT according to the user.
    var rootAddress: PhysicalAddress? { pointer?.root ?? options.rootAddress }

    /// Reads with the page size that is given or stated, or else with the one that has the fewest contradictions.
    ///
    /// If several page sizes fit equally well, uses the largest; the others become ``Reading/alternatives``. Without
    /// memory, the page size is then unknown.
    ///
    /// - Parameters:
    ///   - findings: What is wrong with the memory itself.
    ///   - read: Reads with a reader that is created for a page size.
    func withBestPageSize(
        in memory: any PhysicalMemory, besides findings: [Finding] = [],
        _ read: (HandoverReader) throws(Finding) -> Reading
    ) throws(Finding) -> Reading {
        let sizes = pageSizes(for: memory)
        var best: [Reading] = []
        var fewest = Int.max
        var failure: Finding?
        for size in sizes.reversed() {
            do throws(Finding) {
                let reading = try read(
                    HandoverReader(
                        memory: memory, pageSize: size, generation: options.generation,
                        among: options.generations, kinds: options.kinds))
                let misfits =
                    sizes.count > 1 ? Self.misfits(reading, besides: findings, pageSize: size, in: memory) : 0
                if misfits < fewest { best = [] }
                if misfits <= fewest { best.append(reading) }
                fewest = min(fewest, misfits)
            } catch {
                failure = failure ?? error
            }
        }
        guard var reading = best.first else {
            throw failure
                ?? Finding(.missing, of: .kho, at: Place("root FDT"), found: "nothing", expected: "a handover")
        }
        if best.count > 1 {
            if memory.regions.isEmpty {
                // The limits for the smallest page size hold for all kernels.
                if let smallest = best.last { reading = smallest }
                reading.state.pageSize = nil
            } else {
                reading.alternatives = Array(best.dropFirst())
            }
        }
        // Only one machine has other page sizes.
        let known = best.compactMap(\.state.pageSize)
        if reading.state.machine == nil, !known.isEmpty, !known.contains(.kib4) { reading.state.machine = .aarch64 }
        return reading
    }

    /// Counts contradictions to a page size: damage, findings of `check`, and blobs that begin inside a page.
    ///
    /// Ignores what a truncated image lacks; a root inside a page is decisive.
    private static func misfits(
        _ reading: Reading, besides findings: [Finding], pageSize: PageSize, in memory: any PhysicalMemory
    ) -> Int {
        if let root = reading.state.kho?.fdtAddress, !pageSize.isAligned(root) { return .max - 1 }
        let isCut = findings.contains { $0.cause == .input }
        var count = reading.findings.count { $0.severity == .damage && !(isCut && $0.isLost) }
        for subtree in reading.state.kho?.subtrees ?? [] {
            if let address = subtree.address, !pageSize.isAligned(address) { count += 1 }
        }
        if !memory.regions.isEmpty {
            var reading = reading
            reading.findings = findings + reading.findings
            let document = HandoverDocument(reading, memory: memory, blobs: [])
            count += HandoverCheck(CheckSubject(document)).results.count { $0.severity == .error }
        }
        return count
    }

    /// The kernel's possible page sizes, in ascending order.
    func pageSizes(for memory: any PhysicalMemory) -> [PageSize] {
        if let size = options.pageSize ?? memory.statedPageSize.flatMap(PageSize.init(rawValue:)) { return [size] }
        return memory.statedMachine == .x86_64 ? [.kib4] : PageSize.allCases
    }
}
