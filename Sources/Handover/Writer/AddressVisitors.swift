import KernelABI

/// Claims the given addresses; reports those that are not page-aligned, as the kernel's structures require.
struct AddressClaimer: AllocationVisitor {
    func visit(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        by planner: inout HandoverPlanner
    ) {
        guard let address else { return }
        if address.rawValue == 0 { planner.reportForceable(path(), "0x0 is not an address") }
        if address.rawValue & (allocation.alignment - 1) != 0 {
            planner.reportForceable(
                path(),
                "\(address) is not aligned: the kernel allocates this at a multiple of "
                    + allocation.alignment.prefixedHex)
        }
        let (end, overflow) = address.rawValue.addingReportingOverflow(allocation.byteCount)
        if overflow {
            planner.reportUnbuildable(
                path(), "\(address) and \(allocation.byteCount) bytes exceed the address space")
        }
        planner.space.claim(address.rawValue..<(overflow ? address.rawValue : end))
    }
}

/// Finds the document paths of claims.
struct ClaimFinder: AllocationVisitor {
    let claims: Set<Int>
    private(set) var paths: [Int: DocumentPath] = [:]
    private var next = 0

    init(claims: Set<Int>) {
        self.claims = claims
    }

    mutating func visit(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        by planner: inout HandoverPlanner
    ) {
        guard address != nil else { return }
        if claims.contains(next) { paths[next] = path() }
        next += 1
    }
}

/// Assigns missing addresses, and collects the blocks of memory to preserve.
struct AddressAssigner: AllocationVisitor {
    private(set) var blocks: [PageBlock] = []

    mutating func visit(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        by planner: inout HandoverPlanner
    ) {
        if address == nil {
            address = planner.space.assign(byteCount: allocation.byteCount, alignment: allocation.alignment)
        }
        guard let address else {
            planner.reportUnbuildable(
                path(), "no room for \(allocation.byteCount) bytes above \(planner.options.base)")
            return
        }
        let shift = UInt64(planner.pageSize.shift)
        switch allocation.preservation {
        case .none: break
        case .folio(let order): blocks.append(PageBlock(address: address, order: order))
        case .pages:
            let first = address.rawValue >> shift
            let count = allocation.preservedByteCount >> shift
            blocks += PageBlock.blocks(covering: first..<first + count, pageSize: planner.pageSize)
        }
    }
}
