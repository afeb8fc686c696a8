import KernelABI

/// Visits the allocations of a handover.
protocol AllocationVisitor {
    /// Called for each allocation. `address` is `nil` if it does not have one yet.
    ///
    /// - Parameter path: The document path of the address; evaluated only if needed.
    mutating func visit(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        by planner: inout HandoverPlanner)
}

extension HandoverPlanner {
    /// Visits every allocation of the handover except those of the map, in assignment order.
    ///
    /// A visitor assigns an address by setting one that was `nil`.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        of state: inout HandoverState, _ sizes: FolioSizes, _ visitor: inout Visitor
    ) {
        let path = DocumentPath.root["kho"]
        visitor.visit(&state.kho.orEmpty.fdtAddress, .folio(order: 0, pageSize), path["fdt_pa"], by: &self)
        let subtrees = state.kho?.subtrees ?? []
        let indices =
            generation.root.construction == .edited ? Array(subtrees.indices.reversed()) : Array(subtrees.indices)
        for index in indices {
            visitor.visit(
                &state.kho.orEmpty.subtrees.orEmpty[index].address, allocation(of: subtrees[index]),
                path["subtrees"][index]["pa"], by: &self)
            guard var content = subtrees[index].content else { continue }
            state.kho?.subtrees?[index].content = nil
            var handle = state.kho?.subtrees?[index].address?.rawValue
            content.visitAllocations(handle: &handle, sizes, path["subtrees"][index], by: &self, &visitor)
            state.kho?.subtrees?[index].content = content
        }
        if var luo = state.luo, let abi = generation.luo {
            // Move it out while mutating, to avoid copy-on-write.
            state.luo = nil
            visitLUO(&luo, abi, sizes, &visitor)
            state.luo = luo
        }
        for kind in ContentKinds.codedSubtrees {
            state.coded[kind.name]?.content.visitAllocations(by: &self, &visitor)
        }
    }

    private func allocation(of subtree: SubtreeState) -> Allocation {
        if let payload = subtree.content as? Payload {
            return .folio(
                order: PageBlock.order(holding: UInt64(payload.blob.count), pageSize: pageSize), pageSize)
        }
        guard let data = subtree.data else {
            // The kernel's own blobs take a page each; the FDT of regions is preserved as pages, with the same effect.
            return .folio(order: 0, pageSize)
        }
        return .pages(for: max(UInt64(data.count), subtree.size ?? 0), pageSize)
    }

    private mutating func visitLUO<Visitor: AllocationVisitor>(
        _ luo: inout LUOState, _ abi: Generation.LUOState, _ sizes: FolioSizes, _ visitor: inout Visitor
    ) {
        let path = DocumentPath.root["luo"]
        if let container = abi.flbs {
            visitUnlessZero(&luo.flbAddress, container.allocation(pageSize), path["flb_pa"], &visitor)
            for index in (luo.flbs ?? []).indices {
                guard var content = luo.flbs?[index].content else { continue }
                luo.flbs?[index].content = nil
                var handle = luo.flbs?[index].data
                if handle == 0 { handle = nil }
                content.visitAllocations(handle: &handle, sizes, path["flbs"][index], by: &self, &visitor)
                luo.flbs?[index].content = content
                luo.flbs?[index].data = handle ?? 0
            }
        }
        visitRecords(&luo.sessionsAddress, &luo.blocks, abi.sessions, path["sessions_pa"], path["blocks"], &visitor)
        var sessions = luo.sessions ?? []
        luo.sessions = nil
        for index in sessions.indices {
            let path = path["sessions"][index]
            var session = sessions[index]
            sessions[index] = SessionState()
            visitRecords(
                &session.filesAddress, &session.blocks, abi.files, path["files_pa"], path["blocks"], &visitor)
            var files = session.files ?? []
            session.files = nil
            for place in files.indices {
                guard files[place].hasContent, var content = files[place].content else { continue }
                files[place].content = nil
                var handle = files[place].data
                content.visitAllocations(handle: &handle, sizes, path["files"][place], by: &self, &visitor)
                files[place].data = handle
                files[place].content = content
            }
            session.files = files
            sessions[index] = session
        }
        luo.sessions = sessions
    }

    /// Visits an array, or the blocks of a chain.
    private mutating func visitRecords<Visitor: AllocationVisitor>(
        _ address: inout PhysicalAddress?, _ blocks: inout [BlockState]?,
        _ container: RecordContainer<some KernelStructure>, _ path: @autoclosure () -> DocumentPath,
        _ blockPath: @autoclosure () -> DocumentPath, _ visitor: inout Visitor
    ) {
        switch container.form {
        case .array:
            visitUnlessZero(&address, container.allocation(pageSize), path(), &visitor)
        case .blockChain:
            guard var list = blocks, !list.isEmpty else { return }
            // The first block's address is in two places of a document.
            if let first = list[0].address, let given = address, first != given {
                reportForceable(path(), "\(given) is not the address of the first block, \(first)")
            }
            list[0].address = list[0].address ?? address
            for index in list.indices {
                visitor.visit(&list[index].address, container.allocation(pageSize), blockPath()[index]["pa"], by: &self)
            }
            address = address ?? list[0].address
            blocks = list
        }
    }

    /// Visits the allocation unless its address is 0, which means that there is none.
    private mutating func visitUnlessZero<Visitor: AllocationVisitor>(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        _ visitor: inout Visitor
    ) {
        if address?.rawValue == 0 { return }
        visitor.visit(&address, allocation, path(), by: &self)
    }
}

extension RecordContainer {
    /// The memory of an array, or of one block.
    func allocation(_ pageSize: PageSize) -> Allocation {
        let size = UInt64(pagesPerAllocation * pageSize.bytes)
        return .folio(order: PageBlock.order(holding: size, pageSize: pageSize), pageSize)
    }
}

extension Optional where Wrapped: DocumentObject {
    /// The value, created if `nil`, for in-place mutation.
    var orEmpty: Wrapped {
        get { self ?? Wrapped() }
        set { self = newValue }
    }
}

extension Optional where Wrapped: RangeReplaceableCollection {
    /// The array, empty if `nil`, for in-place mutation.
    var orEmpty: Wrapped {
        get { self ?? Wrapped() }
        set { self = newValue }
    }
}
