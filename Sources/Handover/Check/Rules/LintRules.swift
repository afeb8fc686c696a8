import KernelABI

extension CheckRule {
    /// What no kernel looks at, and a person would want to know.
    static let lintRules: [CheckRule] = [
        CheckRule(
            "dangling-pointer", .error, .unchecked, .retrieval, "pointers to where there is no memory",
            "the kernel follows the pointer", in: nil
        ) { handover, findings in
            guard handover.isPopulated, handover.context.hasMemory, let reading = handover.subject.reading else { return }
            for finding in reading.findings
            where finding.cause == .notAvailable && Self.danglingStructures.contains(finding.place.structure) {
                findings.report(finding)
            }
        },
        CheckRule(
            "uncovered-page", .error, .unchecked, .map, "pages of the handover that are not preserved",
            "the kernel gives the page to others, and reads it all the same", in: nil
        ) { handover, findings in
            guard let preserved = handover.preserved, let reading = handover.subject.reading else { return }
            let pageSize = handover.context.pageSize
            // A region's last page, where it is not whole, is another rule's.
            let regions = handover.contents.compactMap { extent -> Extent? in
                guard extent.role == .region else { return nil }
                var whole = extent
                whole.byteCount = extent.byteCount / pageSize.bytes * pageSize.bytes
                return whole
            }
            for extents in [reading.extents, regions] {
                for extent in extents where extent.role.isPreserved && !extent.role.isRestoredFirst {
                    guard extent.byteCount > 0, !preserved.summary.contains(extent.pages(pageSize)) else { continue }
                    findings.report(
                        .notPreserved, of: extent.owner, at: Place(extent.role.name, at: extent.address),
                        found: "a page that is not preserved",
                        expected: "all of it in the map of preserved memory")
                }
            }
        },
        CheckRule(
            "region-tail", .note, .accepted, .initialisation, "regions whose last page is not whole",
            "what is in a region's last page is lost where that is not whole: the kernel preserves whole pages alone",
            in: "reserved_mem_preserve"
        ) { handover, findings in
            guard handover.isPopulated, let state = handover.subject.reading?.state else { return }
            let pageSize = UInt64(handover.context.pageSize.bytes)
            for region in state.memblock?.regions ?? [] where region.size % pageSize != 0 {
                findings.report(
                    .size, of: .region(region.name), at: Place("region", at: region.start),
                    found: "\(region.size) bytes",
                    expected: "a multiple of \(pageSize)")
            }
        },
        CheckRule(
            "split-block", .warning, .accepted, .open, "pages that are preserved in other blocks than a kernel's",
            "the kernel warns, and does not free the page", in: "kho_restore_free"
        ) { handover, findings in
            guard let preserved = handover.preserved, let reading = handover.subject.reading else { return }
            let pageSize = handover.context.pageSize
            for extent in reading.extents where extent.role.isFreedAfterUse {
                guard preserved.summary.contains(extent.pages(pageSize)),
                    preserved.order(at: extent.pages(pageSize).lowerBound, pageSize: pageSize) == nil
                else { continue }
                findings.report(
                    .notPreserved, of: extent.owner, at: Place(extent.role.name, at: extent.address),
                    found: "a page inside a preserved block",
                    expected: "a preserved block that begins there")
            }
        },
        CheckRule(
            "two-owners", .error, .unchecked, .retrieval, "pages that belong to two owners",
            "the kernel hands the page to the one, and what the other does with it is open", in: nil
        ) { handover, findings in
            guard let reading = handover.subject.reading else { return }
            let lists = [reading.extents, handover.contents]
            // What is sorted are places in the lists: to move extents about would take longer than all else.
            var pieces: [(range: Range<PhysicalAddress>, list: Int, index: Int)] = []
            pieces.reserveCapacity(lists.reduce(0) { $0 + $1.count })
            for (list, extents) in lists.enumerated() {
                for (index, extent) in extents.enumerated() where extent.byteCount > 0 {
                    pieces.append((extent.pages(handover.context.pageSize), list, index))
                }
            }
            pieces.sort { $0.range.lowerBound < $1.range.lowerBound }
            guard var open = pieces.first else { return }
            for piece in pieces.dropFirst() {
                if piece.range.lowerBound < open.range.upperBound {
                    let (extent, other) = (lists[piece.list][piece.index], lists[open.list][open.index])
                    // A folio that is twice in one file is another rule's.
                    let isOneFile = extent.role == .contents && other.role == .contents && extent.owner == other.owner
                    // Bitmaps that are smaller than a page share one.
                    let areApart = extent.role == .bitmap && other.role == .bitmap && !extent.range.overlaps(other.range)
                    if !isOneFile, !areApart {
                        findings.report(
                            .overlap, of: extent.owner, at: Place(extent.role.name, at: piece.range.lowerBound),
                            found: "a page of \(other.owner) as well", expected: "one owner")
                    }
                    guard piece.range.upperBound > open.range.upperBound else { continue }
                }
                open = piece
            }
        },
        CheckRule(
            "scratch", .error, .unchecked, .map, "pages in the memory that the next kernel boots from",
            "the kernel overwrites the page before it comes past it", in: "kho_scratch_overlap"
        ) { handover, findings in
            for area in handover.options.scratch + handover.subject.scratch {
                for range in handover.preserved?.summary.ranges ?? [] where range.overlaps(area) {
                    findings.report(
                        .overlap, of: .kho,
                        at: Place("map of preserved memory", at: max(range.lowerBound, area.lowerBound)),
                        found: "preserved memory up to \(min(range.upperBound, area.upperBound))",
                        expected: "none in the scratch area from \(area.lowerBound) to \(area.upperBound)")
                }
                for extent in handover.subject.reading?.extents ?? []
                where !extent.role.isPreserved && extent.range.overlaps(area) {
                    findings.report(
                        .overlap, of: extent.owner, at: Place(extent.role.name, at: extent.address),
                        found: "a page of the map",
                        expected: "nothing in the scratch area from \(area.lowerBound) to \(area.upperBound)")
                }
            }
        },
        CheckRule(
            "alignment", .warning, .accepted, .open, "structures that do not begin where a page does",
            "the kernel reads them where they are", in: nil
        ) { handover, findings in
            guard let luo = handover.luo else { return }
            let pageSize = handover.context.pageSize
            func look(at address: PhysicalAddress, _ structure: String, of owner: @autoclosure () -> Owner) {
                guard !pageSize.isAligned(address) else { return }
                findings.report(
                    .misaligned, of: owner(), at: Place(structure, at: address), found: "an address inside a page",
                    expected: "a multiple of \(pageSize.bytes)")
            }
            look(at: luo.address, handover.generation.luo?.subtree ?? "", of: .luo())
            let block = BlockHeaderLayout.layout.structure.name
            for (index, place) in (luo.sessionRecords?.chain?.blocks ?? []).enumerated() {
                look(at: place.address, block, of: .luo(block: index + 1))
            }
            for session in luo.sessions {
                for (index, place) in (session.records?.chain?.blocks ?? []).enumerated() {
                    look(at: place.address, block, of: session.owner.block(index + 1))
                }
            }
        },
        CheckRule(
            "slack", .warning, .accepted, .open, "bytes behind structures that are not zero",
            "the kernel does not look at them", in: nil
        ) { handover, findings in
            guard let reading = handover.subject.reading else { return }
            for extent in reading.extents {
                guard let used = extent.usedBytes, used < extent.byteCount, let start = extent.address.advanced(by: UInt64(used))
                else { continue }
                let place = try? handover.context.memory.withBytes(
                    at: start, count: extent.byteCount - used) { $0.firstNonzeroByte }
                guard let place = place.flatMap({ $0 }) else { continue }
                findings.report(
                    .slack, of: extent.owner, at: Place(extent.role.name, at: start.advanced(by: UInt64(place))),
                    found: "bytes after its end", expected: "zeros to the end of the page")
            }
        },
        CheckRule(
            "stale-root", .note, .accepted, .root, "roots that earlier handovers left behind",
            "the kernel is not told of them", in: nil
        ) { handover, findings in
            for address in handover.subject.reading?.state.kho?.staleRoots ?? [] {
                findings.report(
                    .stale, of: .kho, at: Place("root FDT", at: address), found: "a root that an earlier handover left behind",
                    expected: "the live one at \(handover.subject.rootAddress?.description ?? "an address not known")")
            }
        },
    ]

    /// Structures whose absence no other rule reports.
    private static let danglingStructures: Set<String> = [
        VmallocChunkLayout.layout(.kib4).structure.name, FolioLayout.layout.structure.name,
        "subtree memblock", "subtree kexec-metadata", "subtree kho_test",
    ]
}

extension Extent {
    /// The extent rounded to whole pages.
    fileprivate func pages(_ pageSize: PageSize) -> Range<PhysicalAddress> {
        let mask = UInt64(pageSize.bytes - 1)
        let start = range.lowerBound.rawValue & ~mask
        let (end, overflow) = range.upperBound.rawValue.addingReportingOverflow(mask)
        return PhysicalAddress(start)..<PhysicalAddress(overflow ? .max : end & ~mask)
    }

    /// The bytes that structures take; `nil` where the rest need not be zero.
    fileprivate var usedBytes: Int? {
        switch form {
        case .tree, .opaque: nil
        case .structure(let structure): structure.size
        case .records(let header, let record, let count): (header?.size ?? 0) + count * record.size
        }
    }
}
