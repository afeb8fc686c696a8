import KernelABI

extension MemFDState {
    private static let fails = "the file cannot be retrieved"

    /// The memfds whose descriptors are available.
    static func received(in luo: LUOState?, _ generation: Generation) -> [ReceivedMemFD] {
        var list: [ReceivedMemFD] = []
        let kinds = memfdKinds(of: generation).map { (name: KernelString($0.compatible), layout: $0.layout) }
        for session in luo?.sessions ?? [] {
            for file in session.files ?? [] {
                guard let memfd = file.memfd, let data = file.data,
                    let layout = kinds.first(where: { $0.name == file.compatible })?.layout
                else { continue }
                let owner = Owner.file(session: session.name, token: file.token)
                list.append(ReceivedMemFD(owner, layout, at: PhysicalAddress(data), memfd))
            }
        }
        return list
    }

    /// Rules about each memfd, which are checked when it is retrieved.
    static let rules: [CheckRule] = [
        CheckRule(
            "memfd-shared", .error, .partly, at: .retrieval, about: "descriptors that two files share",
            then: "the kernel warns, and the second file to be retrieved is lost, or is empty",
            in: "memfd_luo_retrieve",
            errno: .invalid,
            seen: "WARNING in kho_restore_page; LIVEUPDATE_SESSION_RETRIEVE_FD fails with EINVAL, or succeeds",
            explained: .init("6.19", .findOwners),
            claims: { finding, handover in finding.cause == .visitedBefore && handover.isDescriptor(finding.place) }),
        CheckRule(
            "memfd-address", .error, .unchecked, at: .retrieval, about: "the address of a memfd's descriptor",
            then: "the kernel treats whatever is there as the descriptor", in: "memfd_luo_retrieve",
            seen: "BUG: unable to handle page fault for address: …",
            explained: .init("6.19", .captureMore),
            claims: { finding, handover in finding.isLost && handover.isDescriptor(finding.place) }),
        CheckRule(
            "memfd-seals", .error, .partly, at: .retrieval, about: "the seals of a memfd",
            then: fails, in: "memfd_luo_retrieve",
            errno: .notSupported, seen: "LIVEUPDATE_SESSION_RETRIEVE_FD fails with EOPNOTSUPP",
            explained: .init("7.1", "Boot a kernel that supports the seal, or preserve the memfd without it."),
            find: { handover, findings in
                handover.forEachMemFD { memfd in
                    guard let seals = memfd.descriptor.seals, seals & ~MemFDLayout.knownSeals != 0 else { return }
                    findings.report(
                        .outOfRange, of: memfd.owner, at: memfd.place(of: memfd.layout.seals), found: seals.prefixedHex,
                        expected: "only seals of \(MemFDLayout.knownSeals.prefixedHex)")
                }
            }),
        CheckRule(
            "memfd-vmalloc", .error, .partly, at: .retrieval,
            about: "the memory that holds the list of a memfd's folios",
            then: fails, in: "kho_restore_vmalloc",
            errno: .invalid, seen: "LIVEUPDATE_SESSION_RETRIEVE_FD fails with EINVAL",
            explained: .init("6.19", .findWriter),
            claims: { finding, _ in
                finding.owner.isFile && finding.place.field?.hasPrefix("folios.") ?? false
                    || finding.cause == .visitedBefore
                        && finding.place.structure == VmallocChunkLayout.layout(.kib4).structure.name
            },
            find: { handover, findings in
                handover.forEachMemFD { memfd in
                    guard memfd.descriptor.folioCount ?? 0 != 0, let vmalloc = memfd.descriptor.vmalloc,
                        !handover.isIncomplete(memfd.owner)
                    else { return }
                    if let problem = handover.problem(of: vmalloc, of: memfd) { findings.report(problem) }
                }
            }),
        CheckRule(
            "memfd-folio-count", .error, .unchecked, at: .retrieval, about: "the number of folios of a memfd",
            then: "the kernel reads past the list of folios", in: "memfd_luo_retrieve_folios",
            seen: "BUG: unable to handle page fault for address: …",
            explained: .init("6.19", .findWriter),
            claims: { finding, handover in finding.cause == .count && handover.isDescriptor(finding.place, field: true)
            },
            find: { handover, findings in
                handover.forEachMemFD { memfd in
                    guard let count = memfd.descriptor.folioCount, count != 0, let vmalloc = memfd.descriptor.vmalloc
                    else { return }
                    let pageSize = UInt64(handover.pageSize.bytes)
                    let capacity =
                        UInt64(vmalloc.totalPages ?? 0) * pageSize / UInt64(FolioLayout.layout.structure.size)
                    guard count > capacity, handover.problem(of: vmalloc, of: memfd) == nil else { return }
                    findings.report(
                        .count, of: memfd.owner, at: memfd.place.field(memfd.layout.folioCount),
                        found: "\(count)", expected: "at most \(capacity), the capacity of the list")
                }
            }),
        CheckRule(
            "memfd-folio", .error, .partly, at: .retrieval, about: "folios that are not preserved",
            then: fails, in: "memfd_luo_retrieve_folios",
            errno: .io, seen: "LIVEUPDATE_SESSION_RETRIEVE_FD fails with EIO",
            explained: .init("6.19", .preserveAll),
            find: { handover, findings in
                guard let preserved = handover.preserved else { return }
                let pageSize = handover.pageSize
                handover.forEachMemFD { memfd in
                    let folios = memfd.descriptor.folios ?? []
                    let isRepeated = mayRepeat(folios.lazy.map(\.pfn))
                    var taken: Set<UInt64> = []
                    for (number, folio) in folios.enumerated() where folio.pfn != 0 {
                        let address = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
                        if preserved.order(at: address, pageSize: pageSize) == nil {
                            findings.report(
                                .notPreserved, of: memfd.owner,
                                at: memfd.place(of: FolioLayout.layout.pfn, ofFolio: number, pageSize),
                                found: "page \(folio.index) at \(address), where no preserved block begins",
                                expected: "a folio in the map of preserved memory")
                            return
                        }
                        if isRepeated, !taken.insert(folio.pfn).inserted {
                            findings.report(
                                .duplicate, of: memfd.owner,
                                at: memfd.place(of: FolioLayout.layout.pfn, ofFolio: number, pageSize),
                                found: "page \(folio.index) at \(address), a folio that is already in the list",
                                expected: "no duplicate folios")
                            return
                        }
                    }
                }
            }),
        CheckRule(
            "memfd-index", .error, .partly, at: .retrieval, about: "folios with the same index in a memfd",
            then: fails, in: "shmem_add_to_page_cache",
            errno: .exists, seen: "LIVEUPDATE_SESSION_RETRIEVE_FD fails with EEXIST",
            explained: .init("6.19", .findWriter),
            find: { handover, findings in
                guard let preserved = handover.preserved else { return }
                let pageSize = handover.pageSize
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
                            .duplicate, of: memfd.owner,
                            at: memfd.place(of: FolioLayout.layout.index, pageSize) { $0.index == next.lowerBound },
                            found: "\(next.lowerBound) again", expected: "no duplicate pages")
                        return
                    }
                }
            }),
        CheckRule(
            "memfd-flags", .warning, .accepted, at: .retrieval, about: "flags that no kernel sets",
            then: "the kernel does not check them",
            explained: .init("6.19", .nothing),
            find: { handover, findings in
                handover.forEachMemFD { memfd in
                    if let flags = memfd.descriptor.flags, flags != 0 {
                        findings.report(
                            .outOfRange, of: memfd.owner, at: memfd.place(of: memfd.layout.flags),
                            found: flags.prefixedHex, expected: "0")
                    }
                    if let flags = memfd.descriptor.vmalloc?.flags, flags >> UInt16(VmallocLayout.flagNames.count) != 0
                    {
                        findings.report(
                            .outOfRange, of: memfd.owner,
                            at: memfd.place.field(memfd.layout.folios).field(VmallocLayout.layout.flags),
                            found: flags.prefixedHex, expected: "only flags 0x3")
                    }
                    if let folio = memfd.descriptor.folios?.first(where: { $0.flags & ~FolioLayout.preservedFlags != 0 }
                    ) {
                        findings.report(
                            .outOfRange, of: memfd.owner,
                            at: memfd.place(of: FolioLayout.layout.flags, handover.pageSize) { $0 == folio },
                            found: "\(folio.flags.prefixedHex) for page \(folio.index)",
                            expected: "only flags \(FolioLayout.preservedFlags.prefixedHex)")
                    }
                }
            }),
        CheckRule(
            "memfd-stale-folio", .error, .partly, at: .retrieval, about: "folios that are not up to date",
            then: "the kernel clears the folio when it is read", in: "memfd_luo_retrieve_folios",
            seen: "no message; the file reads as zeros there",
            explained: .init("6.19", "Write to, or read, every page of the memfd before it is preserved."),
            find: { handover, findings in
                handover.forEachFolio { folio, memfd in
                    guard folio.flags & 2 == 0 else { return false }
                    findings.report(
                        .outOfRange, of: memfd.owner,
                        at: memfd.place(of: FolioLayout.layout.flags, handover.pageSize) { $0 == folio },
                        found: "\(folio.flags.prefixedHex) for page \(folio.index)",
                        expected: "a folio that is up to date: its contents are lost")
                    return true
                }
            }),
        CheckRule(
            "memfd-position", .warning, .accepted, at: .retrieval, about: "the position in a memfd",
            then: "the kernel leaves the position at 0", in: "vfs_setpos",
            seen: "no message; the position is 0",
            explained: .init("6.19", .nothing),
            find: { handover, findings in
                handover.forEachMemFD { memfd in
                    guard memfd.descriptor.position > UInt64(Int64.max) else { return }
                    findings.report(
                        .outOfRange, of: memfd.owner, at: memfd.place.field(memfd.layout.position),
                        found: "\(memfd.descriptor.position)", expected: "at most \(Int64.max)")
                }
            }),
        CheckRule(
            "memfd-size", .error, .partly, at: .retrieval, about: "the size of a memfd, and its folios",
            then: "the file is retrieved, and pages without a folio are lost: they read as zeros",
            in: "memfd_luo_retrieve",
            seen: "no message",
            explained: .init("6.19", .preserveAnew),
            find: { handover, findings in
                let pageSize = handover.pageSize
                handover.forEachMemFD { memfd in
                    guard let size = memfd.descriptor.size, !handover.isIncomplete(memfd.owner) else { return }
                    if size > UInt64(Int64.max) {
                        findings.report(
                            .outOfRange, of: memfd.owner, at: memfd.place.field(memfd.layout.size), found: "\(size)",
                            expected: "at most \(Int64.max)")
                        return
                    }
                    let pages = pageSize.pages(for: size)
                    var next: UInt64 = 0
                    for run in ContentsMap(of: memfd.descriptor.file, handover.folioSizes, pageSize: pageSize).runs {
                        guard run.index <= next else { break }
                        next = max(next, run.index &+ run.count)
                    }
                    guard next < pages else { return }
                    findings.report(
                        .mismatch, of: memfd.owner, at: memfd.place.field(memfd.layout.size),
                        found: "\(size), and no folio for page \(next)",
                        expected: "folios for all \(pages) pages: a kernel fills holes before it preserves a file")
                }
            }),
        CheckRule(
            "memfd-tail", .warning, .accepted, at: .retrieval, about: "folios past the end of a memfd",
            then: "the file is retrieved, but what is past its end cannot be read", in: "memfd_luo_retrieve",
            explained: .init("6.19", .findWriter),
            find: { handover, findings in
                handover.forEachFolio { folio, memfd in
                    guard let size = memfd.descriptor.size, folio.index >= handover.pageSize.pages(for: size)
                    else { return false }
                    findings.report(
                        .mismatch, of: memfd.owner, at: memfd.place.field(memfd.layout.size), found: "\(size)",
                        expected: "more: there is a folio for page \(folio.index)")
                    return true
                }
            }),
        .ofDefect(
            "folio-order", .error, .partly, at: .retrieval, about: "folios that are larger than the kernel allocates",
            in: "kho_restore_folio", errno: .io,
            explained: .init("6.16", to: "7.0", .preserveAll),
            find: { handover, findings in
                let pageSize = handover.pageSize
                handover.forEachFolio { folio, memfd in
                    let address = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
                    guard let order = handover.preserved?.order(at: address, pageSize: pageSize),
                        order > pageSize.largestOrder
                    else { return false }
                    findings.report(
                        .outOfRange, of: memfd.owner, at: Place(FolioLayout.layout.structure, at: address),
                        found: "order \(order)", expected: "at most \(pageSize.largestOrder)")
                    return true
                }
            }),
        .ofDefect(
            "memfd-written-late", .error, .unchecked, at: .retrieval,
            about: "folios that are not marked as dirty and up to date",
            explained: .init(
                "6.19", to: "6.19.8",
                "Hand over from a later release, or write to the file only before it is preserved."),
            find: { handover, findings in
                let layout = FolioLayout.layout
                handover.forEachFolio { folio, memfd in
                    guard folio.flags & FolioLayout.preservedFlags != FolioLayout.preservedFlags else { return false }
                    findings.report(
                        .outOfRange, of: memfd.owner, at: Place(layout.structure.name, field: layout.flags.name),
                        found: "\(folio.flags.prefixedHex) for page \(folio.index)",
                        expected: "\(FolioLayout.preservedFlags.prefixedHex), which fixed kernels always write")
                    return true
                }
            }),
        .ofDefect(
            "vmalloc-full-chunk", .error, .unchecked, at: .retrieval, about: "full chunks of page addresses",
            in: "kho_restore_vmalloc",
            explained: .init(
                kernels: "release candidates of 6.18", from: Release("6.18-rc1"), to: Release("6.18-rc"),
                "Boot 6.18 or later, or preserve an area with another number of pages."),
            find: { handover, findings in
                let layout = VmallocChunkLayout.layout(handover.pageSize)
                for session in handover.subject.reading?.state.luo?.sessions ?? [] {
                    for file in session.files ?? [] {
                        for chunk in file.memfd?.vmalloc?.chunks ?? [] where chunk.pages.count >= layout.pages.count {
                            findings.report(
                                .count, of: .file(session: session.name, token: file.token),
                                at: Place(layout.structure, at: chunk.address), found: "\(chunk.pages.count) addresses",
                                expected: "at most \(layout.pages.count - 1), and a 0")
                        }
                    }
                }
            }),
    ]
}

/// A memfd that a kernel retrieves; a class, because every rule visits all of them.
final class ReceivedMemFD: Sendable {
    let owner: Owner
    /// The layout with which the kernel reads the descriptor.
    let layout: MemFDLayout
    /// The place of the descriptor.
    let place: Place
    let descriptor: MemFDState

    fileprivate init(_ owner: Owner, _ layout: MemFDLayout, at address: PhysicalAddress, _ descriptor: MemFDState) {
        self.owner = owner
        self.layout = layout
        place = Place(layout.structure, at: address)
        self.descriptor = descriptor
    }
}

extension ReceivedHandover {
    /// The reason why the kernel cannot restore a vmalloc area; `nil` if it can.
    fileprivate func problem(of vmalloc: VmallocState, of memfd: ReceivedMemFD) -> Finding? {
        let layout = VmallocLayout.layout
        let total = UInt64(vmalloc.totalPages ?? 0)
        let order = UInt64(vmalloc.order ?? 0)
        let entries = UInt64((vmalloc.chunks ?? []).reduce(0) { $0 + $1.pages.count })
        let (pages, overflow) = entries.multipliedReportingOverflow(by: order < 52 ? 1 << order : .max)
        guard !overflow, pages == total else {
            return Finding(
                .mismatch, of: memfd.owner, at: memfd.place.field(memfd.layout.folios).field(layout.totalPages),
                found: "\(total)",
                expected: "\(overflow ? "fewer than 2^64" : "\(pages)"), the number of pages in its chunks")
        }
        // Readers stop at a chunk that they have read before; the kernel stops at one that it has already restored.
        let chunkLayout = VmallocChunkLayout.layout(pageSize)
        let link = chunkLayout.header.layout
        if let last = vmalloc.chunks?.last?.address,
            let next = try? memory.withBytes(at: last, count: link.structure.size, { link.next.read($0) }),
            next.rawValue != 0
        {
            return Finding(
                .visitedBefore, of: memfd.owner,
                at: Place(chunkLayout.structure, at: last).field(chunkLayout.header).field(link.next),
                found: "\(next)",
                expected: "the end, or a chunk that is not already in a list")
        }
        guard let preserved = preserved else { return nil }
        for chunk in vmalloc.chunks ?? [] {
            for (index, page) in chunk.pages.enumerated() {
                let first = page.rawValue >> UInt64(pageSize.shift)
                let start = PhysicalAddress(first << UInt64(pageSize.shift))
                // One block, as kernels create them.
                if first & ((1 << order) - 1) == 0, preserved.order(at: start, pageSize: pageSize) != nil { continue }
                let blocks = PageBlock.blocks(covering: first..<(first &+ (1 << order)), pageSize: pageSize)
                guard let lost = blocks.first(where: { preserved.order(at: $0.address, pageSize: pageSize) == nil })
                else { continue }
                return Finding(
                    .notPreserved, of: memfd.owner,
                    at: Place(chunkLayout.structure, at: chunk.address).field(chunkLayout.pages[index]),
                    found: "\(lost.address), where no preserved block begins",
                    expected: "one in the map of preserved memory")
            }
            if let address = chunk.address, preserved.order(at: address, pageSize: pageSize) == nil {
                return Finding(
                    .notPreserved, of: memfd.owner, at: Place(chunkLayout.structure, at: address),
                    found: "a chunk that is not preserved",
                    expected: "one in the map of preserved memory")
            }
        }
        return nil
    }
}

extension ReceivedMemFD {
    /// A field of the descriptor that not every version has.
    fileprivate func place(of field: (some StructureMember)?) -> Place { field.map { place.field($0) } ?? place }

    /// A field in the record of the folio with this index.
    fileprivate func place(of field: some StructureMember, ofFolio number: Int, _ pageSize: PageSize) -> Place {
        let record = FolioLayout.layout.structure
        let perPage = pageSize.bytes / record.size
        let pages = descriptor.vmalloc.map {
            VmallocReader.pages(of: $0, pageSize: pageSize, limit: UInt64(number / perPage + 1))
        }
        let page = pages.flatMap { $0.count > number / perPage ? $0[number / perPage] : nil }
        return Place(record, at: page?.advanced(by: UInt64(number % perPage * record.size))).field(field)
    }

    /// A field in the record of the last folio that `matches`.
    fileprivate func place(
        of field: some StructureMember, _ pageSize: PageSize, _ matches: (FolioState) -> Bool
    ) -> Place {
        place(of: field, ofFolio: descriptor.folios?.lastIndex(where: matches) ?? 0, pageSize)
    }
}

extension ReceivedHandover {
    /// Every memfd whose descriptor is available.
    fileprivate func forEachMemFD(_ body: (ReceivedMemFD) -> Void) { received(MemFDState.self).forEach(body) }

    /// Visits the folios of all memfds; skips the rest of a file once `body` returns true.
    fileprivate func forEachFolio(_ body: (FolioState, ReceivedMemFD) -> Bool) {
        forEachMemFD { memfd in
            for folio in memfd.descriptor.folios ?? [] where folio.pfn != 0 {
                if body(folio, memfd) { break }
            }
        }
    }

    /// Whether a place is a memfd's descriptor or one of its own fields.
    fileprivate func isDescriptor(_ place: Place, field: Bool = false) -> Bool {
        generation.fileHandlers.contains { place.isIn($0.layout.structure) } && (place.field != nil) == field
    }
}
