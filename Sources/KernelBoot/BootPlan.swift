import Handover
import KernelABI

/// The layout of a guest's memory: the image at its own addresses, with what the kernel needs placed around it.
struct BootPlan: Sendable {
    /// The handed-over memory.
    let image: any PhysicalMemory
    let root: PhysicalAddress
    let pageSize: PageSize
    let memorySize: UInt64
    let banks: [Range<PhysicalAddress>]
    /// The areas from which the kernel allocates until it knows what is preserved: as many as the kernel itself makes
    /// on a machine with one node.
    let scratch: [Range<PhysicalAddress>]
    let kernel: Range<PhysicalAddress>
    /// The memory for the structures that tell the kernel about the handover; the array of scratch areas is at its
    /// beginning.
    let pointers: Range<PhysicalAddress>
    let initrd: Range<PhysicalAddress>
    let initrdSize: UInt64

    /// The memory sizes to try if none is given.
    private static let sizes: [UInt64] = (0...9).map { (512 << 20) << UInt64($0) }
    /// The largest guest memory chosen to hold what is preserved: with more, booting takes long.
    private static let mostForPreserved: UInt64 = 16 << 30
    private static let pointersSize: UInt64 = 2 << 20
    private static let page: UInt64 = 64 << 10
    private static let leastScratch: UInt64 = 32 << 20
    private static let scratchAreas = 2
    /// `MAX_PAGE_ORDER` of a kernel with 4 KiB pages: the largest block of the page allocator. With larger pages, it is
    /// the order for which a table fits in a page.
    private static let maxPageOrder: [PageSize: UInt64] = [.kib4: 10, .kib16: 11, .kib64: 13]

    /// Places everything for an image.
    ///
    /// Uses the whole image; if that leaves no room because it is a whole machine's memory, uses only the part that its
    /// handover refers to.
    ///
    /// Preserved memory exists on the machine that hands it over and holds nothing else, so the guest is built the same
    /// way. If that is impossible with any size that boots soon, because the map is wrong, only the image counts.
    ///
    /// - Parameter memorySize: The size of the guest's memory in bytes; `nil` for the smallest that suffices.
    /// - Throws: The reason why nothing fits, for the largest memory that was tried.
    init(
        _ subject: CheckSubject, root: PhysicalAddress, machine: some GuestMachine, initrdSize: UInt64,
        memorySize: UInt64?
    ) throws(BootError) {
        var images = [subject.memory]
        if let reading = subject.reading {
            images.append(Capture(of: reading, in: subject.memory, contents: true).memory)
        }
        let preserved = subject.reading?.state.preserved?.ranges ?? []
        let sizes = memorySize.map { [$0] } ?? Self.sizes
        var reason = BootError.noMemory(root)
        let attempts = [(preserved, sizes.filter { $0 <= Self.mostForPreserved }), ([], sizes)]
        for (preserved, sizes) in preserved.isEmpty ? Array(attempts.dropFirst()) : attempts {
            for image in images {
                let end = image.regions.last?.upperBound ?? PhysicalAddress(0)
                for size in sizes {
                    do throws(BootError) {
                        try self.init(
                            image, preserved, subject, root: root, machine: machine, initrdSize: initrdSize,
                            memorySize: size)
                        return
                    } catch {
                        reason = error
                        // More memory does not help if the image itself is in the way.
                        if case .occupied = error, (machine.banks(memory: size).last?.upperBound ?? end) > end { break }
                    }
                }
            }
        }
        throw reason
    }

    private init(
        _ image: any PhysicalMemory, _ preserved: [Range<PhysicalAddress>], _ subject: CheckSubject,
        root: PhysicalAddress, machine: some GuestMachine, initrdSize: UInt64, memorySize: UInt64
    ) throws(BootError) {
        self.image = image
        self.root = root
        self.memorySize = memorySize
        self.initrdSize = initrdSize
        pageSize = subject.pageSize
        banks = machine.banks(memory: memorySize)
        for region in image.regions + preserved {
            let inside = intersect([region], banks)
            if inside != [region] { throw .noMemory(inside.first?.upperBound ?? region.lowerBound) }
        }
        var room = FreeMemory(banks)
        for region in image.regions + preserved { room.take(region) }
        let use = type(of: machine).reserved
        guard intersect([use.range], image.regions).isEmpty else { throw .occupied(use.range, by: use.purpose) }
        room.take(use.range)
        kernel = try room.allocate(
            machine.room.size, alignment: machine.room.alignment, from: machine.room.from, for: "the kernel", memorySize
        )
        let block = UInt64(machine.pageSize.bytes) << (Self.maxPageOrder[machine.pageSize] ?? 10)
        let scratchSize = max(Self.leastScratch, memorySize / 16).roundedUp(to: block)
        scratch = try (0..<Self.scratchAreas).map { _ throws(BootError) in
            try room.allocate(scratchSize, alignment: block, for: "scratch memory", memorySize)
        }
        pointers = try room.allocate(
            Self.pointersSize, alignment: Self.pointersSize, for: "the boot data about the image", memorySize)
        initrd = try room.allocate(
            initrdSize.roundedUp(to: Self.page), alignment: Self.page, for: "the initrd", memorySize)
    }

    /// The array of `struct kho_scratch`.
    var scratchArray: [UInt8] {
        let layout = ScratchLayout.layout
        var bytes = [UInt8](repeating: 0, count: layout.structure.size * scratch.count)
        for (index, area) in scratch.enumerated() {
            layout.address.write(area.lowerBound, to: &bytes, at: index * layout.structure.size)
            layout.size.write(area.byteCount, to: &bytes, at: index * layout.structure.size)
        }
        return bytes
    }
}

/// Memory ranges that are still free.
private struct FreeMemory {
    /// In ascending order and disjoint.
    private var ranges: [Range<PhysicalAddress>]

    init(_ ranges: [Range<PhysicalAddress>]) {
        self.ranges = ranges
    }

    mutating func take(_ range: Range<PhysicalAddress>) {
        ranges = ranges.flatMap { free in
            let common = free.clamped(to: range)
            if common.isEmpty { return [free] }
            return [free.lowerBound..<common.lowerBound, common.upperBound..<free.upperBound].filter { !$0.isEmpty }
        }
    }

    /// Takes `size` bytes from the first free range that is large enough.
    mutating func allocate(
        _ size: UInt64, alignment: UInt64, from least: PhysicalAddress = PhysicalAddress(0), for purpose: String,
        _ memory: UInt64
    ) throws(BootError) -> Range<PhysicalAddress> {
        for free in ranges {
            let start = PhysicalAddress(max(free.lowerBound, least).rawValue.roundedUp(to: alignment))
            guard let end = start.advanced(by: size), end <= free.upperBound else { continue }
            take(start..<end)
            return start..<end
        }
        throw .noRoom(for: purpose, memory: memory)
    }
}

extension UInt64 {
    fileprivate func roundedUp(to alignment: UInt64) -> UInt64 {
        (self + alignment - 1) / alignment * alignment
    }
}
