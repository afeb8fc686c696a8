import Handover
import KernelABI

/// The memory that one kernel leaves to the next, and the address of the root FDT in it.
public struct HandedOver: Sendable {
    public let memory: SparseMemory
    public let rootAddress: PhysicalAddress?
    /// The handover, for writing to a file; `nil` if it was not created here.
    public let capture: Capture?

    public init(memory: SparseMemory, rootAddress: PhysicalAddress?, capture: Capture? = nil) {
        self.memory = memory
        self.rootAddress = rootAddress
        self.capture = capture
    }

    /// The page size of the kernel that handed over.
    public var pageSize: PageSize { PageSize(rawValue: memory.pageSize) ?? .kib4 }

    /// The state that was handed over, if it was created here.
    public var state: HandoverState? { capture?.state }

    /// Copies a whole memory image.
    public init(
        copying image: some PhysicalMemory, rootAddress: PhysicalAddress?, pageSize: PageSize
    ) throws(MemoryError) {
        var memory = SparseMemory(pageSize: pageSize.bytes)
        memory.statedMachine = image.statedMachine
        for region in image.regions { memory.allocate(region) }
        for extent in image.storedExtents {
            var position = extent.lowerBound
            while position < extent.upperBound {
                let count = min(extent.upperBound.rawValue - position.rawValue, 1 << 20)
                let bytes = try image.withBytes(at: position, count: Int(count)) { [UInt8](copying: $0) }
                try memory.write(bytes, at: position)
                guard let next = position.advanced(by: count) else { break }
                position = next
            }
        }
        self.init(memory: memory, rootAddress: rootAddress)
    }
}
