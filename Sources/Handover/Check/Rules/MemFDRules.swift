import KernelABI

extension CheckRule {
    private static let fails = "the file cannot be retrieved"

    /// Preserved memfds, each of which is looked at when somebody retrieves it.
    static let memfdRules: [CheckRule] = [
        CheckRule(
            "memfd-address", .error, .unchecked, .retrieval, "where the descriptor of a memfd is",
            "the kernel takes whatever is there for the descriptor", in: "memfd_luo_retrieve"
        ) { handover, findings in
            let structures = Set(handover.generation.memfd.map(\.layout.structure.name))
            for finding in handover.luo?.findings ?? []
            where structures.contains(finding.structure) && finding.field == nil && finding.severity == .damage {
                findings.report(finding)
            }
        },
        CheckRule(
            "memfd-seals", .error, .partly, .retrieval, "the seals of a memfd", fails, in: "memfd_luo_retrieve"
        ) { handover, findings in
            handover.forEachMemFD { memfd in
                guard let seals = memfd.descriptor.seals, seals & ~MemFDLayout.knownSeals != 0 else { return }
                findings.report(
                    memfd.layout.structure.name, memfd.layout.seals?.name, at: PhysicalAddress(memfd.file.data),
                    found: "0x\(String(seals, radix: 16)) for \(memfd.owner)",
                    expected: "seals of 0x\(String(MemFDLayout.knownSeals, radix: 16)) alone", errno: .notSupported)
            }
        },
        CheckRule(
            "memfd-vmalloc", .error, .partly, .retrieval, "the memory that holds the list of a memfd's folios", fails,
            in: "kho_restore_vmalloc"
        ) { handover, findings in
            handover.forEachMemFD { memfd in
                guard memfd.descriptor.folioCount ?? 0 != 0, let vmalloc = memfd.descriptor.vmalloc else { return }
                guard let problem = VmallocProblem.find(in: vmalloc, handover) else { return }
                findings.report(
                    VmallocLayout.layout.structure.name, problem.field, at: problem.address,
                    found: "\(problem.found) for \(memfd.owner)", expected: problem.expected, errno: .invalid)
            }
        },
        CheckRule(
            "memfd-folio-count", .error, .unchecked, .retrieval, "the number of folios of a memfd",
            "the kernel reads on behind the list of folios", in: "memfd_luo_retrieve_folios"
        ) { handover, findings in
            handover.forEachMemFD { memfd in
                guard let count = memfd.descriptor.folioCount, count != 0, let vmalloc = memfd.descriptor.vmalloc else { return }
                let pageSize = UInt64(handover.context.pageSize.bytes)
                let capacity = UInt64(vmalloc.totalPages ?? 0) * pageSize / UInt64(FolioLayout.layout.structure.size)
                guard count > capacity, VmallocProblem.find(in: vmalloc, handover) == nil else { return }
                findings.report(
                    memfd.layout.structure.name, memfd.layout.folioCount.name, at: PhysicalAddress(memfd.file.data),
                    found: "\(count) for \(memfd.owner)", expected: "at most \(capacity), which is what the list holds")
            }
        },
        CheckRule(
            "memfd-folio", .error, .partly, .retrieval, "folios that are not preserved", fails,
            in: "memfd_luo_retrieve_folios"
        ) { handover, findings in
            guard let preserved = handover.preserved else { return }
            let pageSize = handover.context.pageSize
            handover.forEachMemFD { memfd in
                let folios = memfd.descriptor.folios ?? []
                let isRepeated = mayRepeat(folios.lazy.map(\.pfn))
                var taken: Set<UInt64> = []
                for folio in folios where folio.pfn != 0 {
                    let address = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
                    if preserved.order(at: address, pageSize: pageSize) == nil {
                        findings.report(
                            FolioLayout.layout.structure.name, FolioLayout.layout.pfn.name, at: address,
                            found: "page \(folio.index) of \(memfd.owner), where no preserved block begins",
                            expected: "a folio in the map of preserved memory", errno: .io)
                        return
                    }
                    if isRepeated, !taken.insert(folio.pfn).inserted {
                        findings.report(
                            FolioLayout.layout.structure.name, FolioLayout.layout.pfn.name, at: address,
                            found: "page \(folio.index) of \(memfd.owner), a folio that is in the list before",
                            expected: "every folio once", errno: .io)
                        return
                    }
                }
            }
        },
        CheckRule(
            "memfd-index", .error, .partly, .retrieval, "folios at the same place of a memfd", fails,
            in: "shmem_add_to_page_cache"
        ) { handover, findings in
            guard let preserved = handover.preserved else { return }
            let pageSize = handover.context.pageSize
            handover.forEachMemFD { memfd in
                var places: [Range<UInt64>] = []
                for folio in memfd.descriptor.folios ?? [] where folio.pfn != 0 {
                    let address = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
                    let order = min(preserved.order(at: address, pageSize: pageSize) ?? 0, 52)
                    let (end, overflow) = folio.index.addingReportingOverflow(1 << UInt64(order))
                    places.append(folio.index..<(overflow ? .max : end))
                }
                places.sort { $0.lowerBound < $1.lowerBound }
                for (place, next) in zip(places, places.dropFirst()) where next.lowerBound < place.upperBound {
                    findings.report(
                        FolioLayout.layout.structure.name, FolioLayout.layout.index.name,
                        at: PhysicalAddress(memfd.file.data), found: "\(next.lowerBound) of \(memfd.owner) again",
                        expected: "every page of the file once", errno: .exists)
                    return
                }
            }
        },
        CheckRule(
            "memfd-flags", .warning, .accepted, .retrieval, "flags that no kernel sets",
            "the kernel does not look at them", in: nil
        ) { handover, findings in
            handover.forEachMemFD { memfd in
                if let flags = memfd.descriptor.flags, flags != 0 {
                    findings.report(
                        memfd.layout.structure.name, memfd.layout.flags?.name, at: PhysicalAddress(memfd.file.data),
                        found: "0x\(String(flags, radix: 16)) for \(memfd.owner)", expected: "0")
                }
                if let flags = memfd.descriptor.vmalloc?.flags, flags >> UInt16(VmallocLayout.flagNames.count) != 0 {
                    findings.report(
                        VmallocLayout.layout.structure.name, VmallocLayout.layout.flags.name,
                        at: PhysicalAddress(memfd.file.data), found: "0x\(String(flags, radix: 16)) for \(memfd.owner)",
                        expected: "flags of 0x3 alone")
                }
                if let folio = memfd.descriptor.folios?.first(where: { $0.flags & ~FolioLayout.preservedFlags != 0 }) {
                    findings.report(
                        FolioLayout.layout.structure.name, FolioLayout.layout.flags.name,
                        at: PhysicalAddress(memfd.file.data),
                        found: "0x\(String(folio.flags, radix: 16)) for page \(folio.index) of \(memfd.owner)",
                        expected: "flags of 0x\(String(FolioLayout.preservedFlags, radix: 16)) alone")
                }
            }
        },
        CheckRule(
            "memfd-stale-folio", .error, .partly, .retrieval, "folios that are not up to date",
            "the kernel clears the folio when it is read", in: "memfd_luo_retrieve_folios"
        ) { handover, findings in
            handover.forEachMemFD { memfd in
                guard let folio = memfd.descriptor.folios?.first(where: { $0.pfn != 0 && $0.flags & 2 == 0 }) else { return }
                findings.report(
                    FolioLayout.layout.structure.name, FolioLayout.layout.flags.name, at: PhysicalAddress(memfd.file.data),
                    found: "0x\(String(folio.flags, radix: 16)) for page \(folio.index) of \(memfd.owner)",
                    expected: "a folio that is up to date: what is in it is lost")
            }
        },
        CheckRule(
            "memfd-position", .warning, .accepted, .retrieval, "the position in a memfd",
            "the kernel leaves the position at 0", in: "vfs_setpos"
        ) { handover, findings in
            handover.forEachMemFD { memfd in
                guard memfd.descriptor.position > UInt64(Int64.max) else { return }
                findings.report(
                    memfd.layout.structure.name, memfd.layout.position.name, at: PhysicalAddress(memfd.file.data),
                    found: "\(memfd.descriptor.position) for \(memfd.owner)", expected: "at most \(Int64.max)")
            }
        },
        CheckRule(
            "memfd-size", .error, .partly, .retrieval, "the size of a memfd, and the folios that it has",
            "the kernel takes both as they are: what no folio holds reads as zeros", in: "memfd_luo_retrieve"
        ) { handover, findings in
            let pageSize = handover.context.pageSize
            handover.forEachMemFD { memfd in
                guard let size = memfd.descriptor.size else { return }
                if size > UInt64(Int64.max) {
                    findings.report(
                        memfd.layout.structure.name, memfd.layout.size.name, at: PhysicalAddress(memfd.file.data),
                        found: "\(size) for \(memfd.owner)", expected: "at most \(Int64.max)")
                    return
                }
                let pages = pageSize.pages(for: size)
                var next: UInt64 = 0
                for run in ContentsMap(of: memfd.descriptor, handover.folioSizes, pageSize: pageSize).runs {
                    guard run.index <= next else { break }
                    next = max(next, run.index &+ run.count)
                }
                guard next < pages else { return }
                findings.report(
                    memfd.layout.structure.name, memfd.layout.size.name, at: PhysicalAddress(memfd.file.data),
                    found: "\(size) for \(memfd.owner), and no folio for page \(next)",
                    expected: "folios for all \(pages) pages: a kernel fills the holes before it preserves a file")
            }
        },
    ]
}

/// Why a kernel cannot take an area of vmalloc memory back.
private struct VmallocProblem {
    var field: String
    var address: PhysicalAddress?
    var found: String
    var expected: String

    /// No initializer: those own their arguments, and a handover is much to copy for each memfd.
    static func find(in vmalloc: VmallocState, _ handover: ReceivedHandover) -> VmallocProblem? {
        let layout = VmallocLayout.layout
        let pageSize = handover.context.pageSize
        let total = UInt64(vmalloc.totalPages ?? 0)
        let order = UInt64(vmalloc.order ?? 0)
        let entries = UInt64((vmalloc.chunks ?? []).reduce(0) { $0 + $1.pages.count })
        let (pages, overflow) = entries.multipliedReportingOverflow(by: order < 52 ? 1 << order : .max)
        guard !overflow, pages == total else {
            return VmallocProblem(
                field: layout.totalPages.name, address: vmalloc.first, found: "\(total)",
                expected: "\(overflow ? "fewer than 2^64" : "\(pages)"), which is what its chunks list")
        }
        // The readers stop at a chunk that has been read before; the kernel, at one that it has taken back already.
        let link = VmallocChunkHeaderLayout.layout
        if let last = vmalloc.chunks?.last?.address,
            let next = try? handover.context.memory.withBytes(at: last, count: link.structure.size, { link.next.read($0) }),
            next.rawValue != 0
        {
            return VmallocProblem(
                field: link.next.name, address: last, found: "\(next)",
                expected: "the end, or a chunk that is in no list before")
        }
        guard let preserved = handover.preserved else { return nil }
        for chunk in vmalloc.chunks ?? [] {
            for page in chunk.pages {
                let first = page.rawValue >> UInt64(pageSize.shift)
                let start = PhysicalAddress(first << UInt64(pageSize.shift))
                // One block, as the kernel makes them.
                if first & ((1 << order) - 1) == 0, preserved.order(at: start, pageSize: pageSize) != nil { continue }
                let blocks = PageBlock.blocks(covering: first..<(first &+ (1 << order)), pageSize: pageSize)
                guard let lost = blocks.first(where: { preserved.order(at: $0.address, pageSize: pageSize) == nil })
                else { continue }
                return VmallocProblem(
                    field: "phys", address: lost.address, found: "a page of the list where no preserved block begins",
                    expected: "one in the map of preserved memory")
            }
            if let place = chunk.address, preserved.order(at: place, pageSize: pageSize) == nil {
                return VmallocProblem(
                    field: layout.first.name, address: place, found: "a chunk that is not preserved",
                    expected: "one in the map of preserved memory")
            }
        }
        return nil
    }
}

extension ReceivedHandover {
    /// Every memfd whose descriptor is at hand.
    fileprivate func forEachMemFD(_ body: (ReceivedMemFD) -> Void) {
        for session in sessions { session.memfds.forEach(body) }
    }
}
