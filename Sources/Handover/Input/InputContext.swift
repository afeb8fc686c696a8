import FDT
import KernelABI
import SystemPackage

/// What the readers of all kinds of input share: the options, opened and understood.
struct InputContext {
    var options: InputOptions
    /// What the kernel was told when it was booted, if the user has that.
    let pointer: HandoverPointer?
    /// The memory beside the input, if any.
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

    /// What the kernel was not told that it has to be.
    var bootFindings: [Finding] {
        guard let lacking = pointer?.lacking else { return [] }
        return [Finding(.missing, of: .kho, at: Place(Place.bootData), found: "no \(lacking)", expected: "one")]
    }

    /// Where the user says that the root FDT is.
    var rootAddress: PhysicalAddress? { pointer?.root ?? options.rootAddress }

    /// Reads with the page size that is given or stated, or else with the one against which the least speaks.
    ///
    /// Of page sizes that fit alike, the largest is taken, and the others are ``Reading/alternatives``. Without memory
    /// the page size is then not known.
    ///
    /// - Parameters:
    ///   - findings: what is wrong with the memory itself.
    ///   - read: reads by way of the reader, which is made for a page size.
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
                // The limits of the smallest pages are what all kernels have.
                if let smallest = best.last { reading = smallest }
                reading.state.pageSize = nil
            } else {
                reading.alternatives = Array(best.dropFirst())
            }
        }
        // Only one machine has pages of other sizes.
        let known = best.compactMap(\.state.pageSize)
        if reading.state.machine == nil, !known.isEmpty, !known.contains(.kib4) { reading.state.machine = .aarch64 }
        return reading
    }

    /// How much speaks against a page size: what is damaged, what `check` finds, and blobs that begin inside a page.
    ///
    /// What is missing from an image that is cut short says nothing; a root inside a page says enough.
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

    /// The page sizes that the kernel can have had, in ascending order.
    func pageSizes(for memory: any PhysicalMemory) -> [PageSize] {
        if let size = options.pageSize ?? memory.statedPageSize.flatMap(PageSize.init(rawValue:)) { return [size] }
        return memory.statedMachine == .x86_64 ? [.kib4] : PageSize.allCases
    }
}
