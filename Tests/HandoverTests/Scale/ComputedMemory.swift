import KernelABI
import Synchronization

@testable import Handover

/// Memory of any size that stores almost nothing: pages are computed when they are read.
struct ComputedMemory: PhysicalMemory {
    /// Pages that are stored: the root, and other small data.
    var stored: SparseMemory
    /// The range of computed pages; nothing is stored there.
    let computed: Range<PhysicalAddress>
    /// Returns the beginning of the page at an address. The rest of it is zero.
    let page: @Sendable (PhysicalAddress) -> [UInt8]
    /// The number of pages computed so far.
    let computations = Count()

    final class Count: Sendable {
        private let number = Mutex(0)

        var value: Int { number.withLock { $0 } }

        func increment() {
            number.withLock { $0 += 1 }
        }
    }

    var regions: [Range<PhysicalAddress>] {
        (stored.regions + [computed]).sorted { $0.lowerBound < $1.lowerBound }
    }

    func withBytes<Result>(
        at address: PhysicalAddress, count: Int, _ body: (RawSpan) -> Result
    ) throws(MemoryError) -> Result {
        guard computed.contains(address) else { return try stored.withBytes(at: address, count: count, body) }
        guard count >= 0, UInt64(count) <= computed.upperBound.rawValue - address.rawValue else {
            throw .notAvailable(address: address, count: count)
        }
        var bytes = [UInt8](repeating: 0, count: count)
        var start = 0
        while start < count {
            let position = address.rawValue + UInt64(start)
            let offset = Int(position % UInt64(stored.pageSize))
            let contents = page(PhysicalAddress(position - UInt64(offset)))
            computations.increment()
            let length = min(stored.pageSize - offset, count - start)
            let present = contents.dropFirst(offset).prefix(length)
            bytes.replaceSubrange(start..<start + present.count, with: present)
            start += length
        }
        return body(bytes.span.bytes)
    }
}

/// A handover of the newest generation, for tests to change.
struct SoundHandover {
    let planned: HandoverState
    let memory: SparseMemory
    let root: PhysicalAddress
    let pageSize: PageSize

    init(_ sessions: [SessionState], pageSize: PageSize) throws {
        var state = HandoverState()
        state.kernel = "7.3"
        state.pageSize = pageSize
        state.luo = LUOState()
        state.luo?.sessions = sessions
        planned = try HandoverPlanner.plan(state, sizeOfFile: noFiles)
        let image = try HandoverImage(of: planned, contents: noContents)
        memory = image.memory
        self.pageSize = pageSize
        guard let root = image.rootAddress else { throw WriteError.incomplete(".kho.fdt_pa") }
        self.root = root
    }

    /// The address of LUO's state.
    var luoAddress: PhysicalAddress? {
        planned.kho?.subtrees?.first { $0.name == "LUO" }?.address
    }
}
