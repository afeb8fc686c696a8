import FDT
import KernelABI
import SystemPackage

/// What the readers of all kinds of input share: the options, opened and understood.
struct InputContext {
    let options: InputOptions
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

    /// Where the user says that the root FDT is.
    var rootAddress: PhysicalAddress? { pointer?.root ?? options.rootAddress }

    /// Reads with the page size that is given or stated, or else with the one that leaves the least damage.
    ///
    /// - Parameter read: reads by way of the reader, which is made for a page size.
    func withBestPageSize(
        in memory: any PhysicalMemory, _ read: (HandoverReader) throws(Finding) -> Reading
    ) throws(Finding) -> Reading {
        var best: (reading: Reading, damage: Int)?
        var failure: Finding?
        for size in candidates(for: memory) {
            do throws(Finding) {
                let reading = try read(HandoverReader(memory: memory, pageSize: size, generation: options.generation, kinds: options.kinds))
                let damage = reading.findings.count { $0.severity == .damage }
                if damage < best?.damage ?? .max { best = (reading, damage) }
                if damage == 0 { break }
            } catch {
                failure = failure ?? error
            }
        }
        if let best { return best.reading }
        throw failure ?? Finding(.missing, of: .kho, at: Place("root FDT"), found: "nothing", expected: "a handover")
    }

    private func candidates(for memory: any PhysicalMemory) -> [PageSize] {
        if let size = options.pageSize ?? memory.statedPageSize.flatMap(PageSize.init(rawValue:)) { return [size] }
        // Without memory there are no pages to get wrong.
        if memory.regions.isEmpty || memory.statedMachine == .x86_64 { return [.kib4] }
        return PageSize.allCases
    }
}
