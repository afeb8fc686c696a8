import KernelABI

/// Comes past the allocations of a handover.
protocol AllocationVisitor {
    /// Takes an allocation and its address, `nil` where it has none yet.
    ///
    /// - Parameter path: Where the address stands in the document: found out when it is asked for.
    mutating func visit(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        by planner: inout HandoverPlanner)
}

extension HandoverPlanner {
    /// Comes past every allocation of the handover but the map's, in the order in which addresses are assigned.
    ///
    /// A visit that sets an address that was `nil` assigns it.
    mutating func visitAllocations<Visitor: AllocationVisitor>(
        of state: inout HandoverState, _ sizes: FolioSizes, _ visitor: inout Visitor
    ) {
        let path = DocumentPath.root["kho"]
        visitor.visit(&state.kho.orEmpty.fdtAddress, .folio(order: 0, pageSize), path["fdt_pa"], by: &self)
        let subtrees = state.kho?.subtrees ?? []
        let indices = generation.root.construction == .edited ? Array(subtrees.indices.reversed()) : Array(subtrees.indices)
        for index in indices {
            visitor.visit(
                &state.kho.orEmpty.subtrees.orEmpty[index].address, allocation(of: subtrees[index]),
                path["subtrees"][index]["pa"], by: &self)
        }
        if var luo = state.luo, let abi = generation.luo {
            // Each part is taken out of its whole while it is changed: two owners would mean copies.
            state.luo = nil
            visitLUO(&luo, abi, sizes, &visitor)
            state.luo = luo
        }
        for (index, region) in (state.memblock?.regions ?? []).enumerated() {
            visitor.visit(
                &state.memblock.orEmpty.regions.orEmpty[index].start, .region(of: region.size, pageSize),
                .root["memblock"]["regions"][index]["start"], by: &self)
        }
    }

    private func allocation(of subtree: SubtreeState) -> Allocation {
        guard let data = subtree.data else {
            // The kernel's own blobs take a page each; the regions' FDT is preserved as pages, to the same effect.
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
                guard files[place].isMemFD, var memfd = files[place].memfd else { continue }
                visitMemFD(&memfd, &files[place].data, sizes, path["files"][place], &visitor)
                files[place].memfd = memfd
            }
            session.files = files
            sessions[index] = session
        }
        luo.sessions = sessions
    }

    /// Visits an array, or the blocks of a chain.
    private mutating func visitRecords<Visitor: AllocationVisitor>(
        _ address: inout PhysicalAddress?, _ blocks: inout [BlockState]?, _ container: RecordContainer,
        _ path: @autoclosure () -> DocumentPath, _ blockPath: @autoclosure () -> DocumentPath, _ visitor: inout Visitor
    ) {
        switch container.form {
        case .array:
            visitUnlessZero(&address, container.allocation(pageSize), path(), &visitor)
        case .blockChain:
            guard var list = blocks, !list.isEmpty else { return }
            // The first block's address stands in two places of a document.
            if let first = list[0].address, let given = address, first != given {
                forcible(path(), "\(given) is not the address of the first block, \(first)")
            }
            list[0].address = list[0].address ?? address
            for index in list.indices {
                visitor.visit(&list[index].address, container.allocation(pageSize), blockPath()[index]["pa"], by: &self)
            }
            address = address ?? list[0].address
            blocks = list
        }
    }

    /// Visits what is there unless the document says, by an address of 0, that it is not.
    private mutating func visitUnlessZero<Visitor: AllocationVisitor>(
        _ address: inout PhysicalAddress?, _ allocation: Allocation, _ path: @autoclosure () -> DocumentPath,
        _ visitor: inout Visitor
    ) {
        if address?.rawValue == 0 { return }
        visitor.visit(&address, allocation, path(), by: &self)
    }

    private mutating func visitMemFD<Visitor: AllocationVisitor>(
        _ memfd: inout MemFDState, _ data: inout UInt64?, _ sizes: FolioSizes,
        _ path: @autoclosure () -> DocumentPath, _ visitor: inout Visitor
    ) {
        var address = data.map(PhysicalAddress.init(_:))
        visitor.visit(&address, .folio(order: 0, pageSize), path()["data"], by: &self)
        data = address?.rawValue
        func memfdPath() -> DocumentPath { path()["memfd"] }
        visitFolios(&memfd, sizes, memfdPath(), &visitor)

        guard var vmalloc = memfd.vmalloc, var chunks = vmalloc.chunks, !chunks.isEmpty else { return }
        let order = UInt64(vmalloc.order ?? 0)
        if let first = chunks[0].address, let given = vmalloc.first, first != given {
            forcible(memfdPath()["vmalloc"]["first"], "\(given) is not the address of the first chunk, \(first)")
        }
        chunks[0].address = chunks[0].address ?? vmalloc.first
        for index in chunks.indices {
            func path() -> DocumentPath { memfdPath()["vmalloc"]["chunks"][index] }
            visitor.visit(&chunks[index].address, .folio(order: 0, pageSize), path()["pa"], by: &self)
            for place in chunks[index].pages.indices {
                var page: PhysicalAddress? = chunks[index].pages[place]
                if page == Self.unassigned { page = nil }
                let size = UInt64(pageSize.bytes) << order
                var allocation = Allocation.pages(for: size, pageSize)
                // The pages of an entry are one allocation, which begins at a multiple of its size.
                allocation.alignment = size
                visitor.visit(&page, allocation, path()["pages"][place], by: &self)
                chunks[index].pages[place] = page ?? Self.unassigned
            }
        }
        vmalloc.first = vmalloc.first ?? chunks[0].address
        vmalloc.chunks = chunks
        memfd.vmalloc = vmalloc
    }

    private mutating func visitFolios<Visitor: AllocationVisitor>(
        _ memfd: inout MemFDState, _ sizes: FolioSizes, _ path: @autoclosure () -> DocumentPath,
        _ visitor: inout Visitor
    ) {
        let pages = pageSize.pages(for: memfd.size ?? 0)
        guard let folios = memfd.folios else {
            guard pages > 0 else {
                memfd.folios = []
                return
            }
            // A file's pages, one folio each, as `memfd_pin_folios` makes the kernel fill its holes.
            var start: PhysicalAddress?
            var allocation = Allocation.pages(for: pages * UInt64(pageSize.bytes), pageSize)
            allocation.preservation = .none
            visitor.visit(&start, allocation, path()["folios"], by: &self)
            guard let start else { return }
            let first = start.rawValue >> UInt64(pageSize.shift)
            memfd.folios = (0..<pages).map { FolioState(pfn: first + $0, flags: FolioLayout.preservedFlags, index: $0) }
            for index in 0..<pages {
                var address: PhysicalAddress? = PhysicalAddress((first + index) << UInt64(pageSize.shift))
                visitor.visit(&address, .folio(order: 0, pageSize), path()["folios"][Int(index)], by: &self)
            }
            return
        }
        for (index, folio) in folios.enumerated() where folio.pfn != 0 {
            let order = sizes.order(of: index, in: folios, filePages: pages)
            var address: PhysicalAddress? = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
            visitor.visit(&address, .folio(order: order, pageSize), path()["folios"][index]["pfn"], by: &self)
        }
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
    /// The value, made if there was none, to be changed in place.
    var orEmpty: Wrapped {
        get { self ?? Wrapped() }
        set { self = newValue }
    }
}

extension Optional where Wrapped: RangeReplaceableCollection {
    /// The array, empty if there was none, to be changed in place.
    var orEmpty: Wrapped {
        get { self ?? Wrapped() }
        set { self = newValue }
    }
}
