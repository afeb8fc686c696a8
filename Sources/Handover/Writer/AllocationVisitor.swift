import KernelABI

extension HandoverPlanner {
    typealias Visit = (inout HandoverPlanner, inout PhysicalAddress?, Allocation) -> Void

    /// Comes past every allocation of the handover but the map's, in the order in which addresses are assigned.
    ///
    /// A visit that sets an address that was `nil` assigns it.
    mutating func visitAllocations(of state: inout HandoverState, _ sizes: FolioSizes, _ visit: Visit) {
        let path = DocumentPath.root["kho"]
        visit(&self, &state.kho.orEmpty.fdtAddress, .folio(order: 0, pageSize, path["fdt_pa"]))
        let subtrees = state.kho?.subtrees ?? []
        let indices = generation.root.construction == .edited ? Array(subtrees.indices.reversed()) : Array(subtrees.indices)
        for index in indices {
            let allocation = allocation(of: subtrees[index], path["subtrees"][index]["pa"])
            visit(&self, &state.kho.orEmpty.subtrees.orEmpty[index].address, allocation)
        }
        if var luo = state.luo, let abi = generation.luo {
            // Each part is taken out of its whole while it is changed: two owners would mean copies.
            state.luo = nil
            visitLUO(&luo, abi, sizes, visit)
            state.luo = luo
        }
        for (index, region) in (state.memblock?.regions ?? []).enumerated() {
            let path = DocumentPath.root["memblock"]["regions"][index]["start"]
            visit(&self, &state.memblock.orEmpty.regions.orEmpty[index].start, .region(of: region.size, pageSize, path))
        }
    }

    private func allocation(of subtree: SubtreeState, _ path: DocumentPath) -> Allocation {
        guard let data = subtree.data else {
            // The kernel's own blobs take a page each; the regions' FDT is preserved as pages, to the same effect.
            return .folio(order: 0, pageSize, path)
        }
        return .pages(for: max(UInt64(data.count), subtree.size ?? 0), pageSize, path)
    }

    private mutating func visitLUO(
        _ luo: inout LUOState, _ abi: Generation.LUOState, _ sizes: FolioSizes, _ visit: Visit
    ) {
        let path = DocumentPath.root["luo"]
        if let container = abi.flbs {
            visitUnlessZero(&luo.flbAddress, container.allocation(pageSize, path["flb_pa"]), visit)
        }
        visitRecords(&luo.sessionsAddress, &luo.blocks, abi.sessions, path["sessions_pa"], path["blocks"], visit)
        var sessions = luo.sessions ?? []
        luo.sessions = nil
        for index in sessions.indices {
            let path = path["sessions"][index]
            var session = sessions[index]
            sessions[index] = SessionState()
            visitRecords(
                &session.filesAddress, &session.blocks, abi.files, path["files_pa"], path["blocks"], visit)
            var files = session.files ?? []
            session.files = nil
            for place in files.indices {
                guard files[place].isMemFD, var memfd = files[place].memfd else { continue }
                visitMemFD(&memfd, &files[place].data, sizes, path["files"][place], visit)
                files[place].memfd = memfd
            }
            session.files = files
            sessions[index] = session
        }
        luo.sessions = sessions
    }

    /// Visits an array, or the blocks of a chain.
    private mutating func visitRecords(
        _ address: inout PhysicalAddress?, _ blocks: inout [BlockState]?, _ container: RecordContainer,
        _ path: DocumentPath, _ blockPath: DocumentPath, _ visit: Visit
    ) {
        switch container.form {
        case .array:
            visitUnlessZero(&address, container.allocation(pageSize, path), visit)
        case .blockChain:
            guard var list = blocks, !list.isEmpty else { return }
            // The first block's address stands in two places of a document.
            if let first = list[0].address, let given = address, first != given {
                forcible(path, "\(given) is not the address of the first block, \(first)")
            }
            list[0].address = list[0].address ?? address
            for index in list.indices {
                visit(&self, &list[index].address, container.allocation(pageSize, blockPath[index]["pa"]))
            }
            address = address ?? list[0].address
            blocks = list
        }
    }

    /// Visits what is there unless the document says, by an address of 0, that it is not.
    private mutating func visitUnlessZero(_ address: inout PhysicalAddress?, _ allocation: Allocation, _ visit: Visit) {
        if address?.rawValue == 0 { return }
        visit(&self, &address, allocation)
    }

    private mutating func visitMemFD(
        _ memfd: inout MemFDState, _ data: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, _ visit: Visit
    ) {
        var address = data.map(PhysicalAddress.init(_:))
        visit(&self, &address, .folio(order: 0, pageSize, path["data"]))
        data = address?.rawValue
        let memfdPath = path["memfd"]
        visitFolios(&memfd, sizes, memfdPath, visit)

        guard var vmalloc = memfd.vmalloc, var chunks = vmalloc.chunks, !chunks.isEmpty else { return }
        let order = UInt64(vmalloc.order ?? 0)
        if let first = chunks[0].address, let given = vmalloc.first, first != given {
            forcible(memfdPath["vmalloc"]["first"], "\(given) is not the address of the first chunk, \(first)")
        }
        chunks[0].address = chunks[0].address ?? vmalloc.first
        for index in chunks.indices {
            let path = memfdPath["vmalloc"]["chunks"][index]
            visit(&self, &chunks[index].address, .folio(order: 0, pageSize, path["pa"]))
            for place in chunks[index].pages.indices {
                var page: PhysicalAddress? = chunks[index].pages[place]
                if page == Self.unassigned { page = nil }
                let size = UInt64(pageSize.bytes) << order
                var allocation = Allocation.pages(for: size, pageSize, path["pages"][place])
                // The pages of an entry are one allocation, which begins at a multiple of its size.
                allocation.alignment = size
                visit(&self, &page, allocation)
                chunks[index].pages[place] = page ?? Self.unassigned
            }
        }
        vmalloc.first = vmalloc.first ?? chunks[0].address
        vmalloc.chunks = chunks
        memfd.vmalloc = vmalloc
    }

    private mutating func visitFolios(
        _ memfd: inout MemFDState, _ sizes: FolioSizes, _ path: DocumentPath, _ visit: Visit
    ) {
        let pages = pageSize.pages(for: memfd.size ?? 0)
        guard let folios = memfd.folios else {
            guard pages > 0 else {
                memfd.folios = []
                return
            }
            // A file's pages, one folio each, as `memfd_pin_folios` makes the kernel fill its holes.
            var start: PhysicalAddress?
            var allocation = Allocation.pages(for: pages * UInt64(pageSize.bytes), pageSize, path["folios"])
            allocation.preservation = .none
            visit(&self, &start, allocation)
            guard let start else { return }
            let first = start.rawValue >> UInt64(pageSize.shift)
            memfd.folios = (0..<pages).map { FolioState(pfn: first + $0, flags: FolioLayout.preservedFlags, index: $0) }
            for index in 0..<pages {
                var address: PhysicalAddress? = PhysicalAddress((first + index) << UInt64(pageSize.shift))
                visit(&self, &address, .folio(order: 0, pageSize, path["folios"][Int(index)]))
            }
            return
        }
        for (index, folio) in folios.enumerated() where folio.pfn != 0 {
            let order = sizes.order(of: index, in: folios, filePages: pages)
            var address: PhysicalAddress? = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
            visit(&self, &address, .folio(order: order, pageSize, path["folios"][index]["pfn"]))
        }
    }
}

extension RecordContainer {
    /// The memory of an array, or of one block.
    func allocation(_ pageSize: PageSize, _ path: DocumentPath) -> Allocation {
        let size = UInt64(pagesPerAllocation * pageSize.bytes)
        return .folio(order: PageBlock.order(holding: size, pageSize: pageSize), pageSize, path)
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
