import KernelABI

extension CheckRule {
    /// Rules about what no kernel checks but a person would want to know.
    static let lintRules: [CheckRule] = [
        CheckRule(
            "dangling-pointer", .error, .unchecked, at: .retrieval, about: "pointers to nonexistent memory",
            then: "the kernel follows the pointer", seen: "BUG: unable to handle page fault for address: …",
            explained: .init("6.16", .captureMore),
            claims: { finding, _ in finding.isLost }),
        CheckRule(
            "uncovered-page", .error, .unchecked, at: .map, about: "pages of the handover that are not preserved",
            then: "the kernel gives the page to others, and still reads it",
            explained: .init("6.16", .preserveAll),
            find: { handover, findings in
                guard let preserved = handover.preserved else { return }
                let reading = handover.reading
                let pageSize = handover.pageSize
                // A partial last page of a region is reported by another rule.
                let regions = handover.contents.compactMap { extent -> Extent? in
                    guard extent.role == .region else { return nil }
                    var whole = extent
                    whole.byteCount = extent.byteCount / pageSize.bytes * pageSize.bytes
                    return whole
                }
                // The contents implemented in Swift have their own rules.
                let described = handover.describedFiles
                let contents = described.isEmpty ? [] : handover.contents.filter { described[$0.owner] != nil }
                for extents in [reading.extents, regions, contents] {
                    for extent in extents
                    where extent.role.isPreserved && (!extent.role.isRestoredFirst || described[extent.owner] != nil) {
                        guard extent.byteCount > 0, !preserved.summary.contains(extent.pages(of: pageSize)) else {
                            continue
                        }
                        findings.report(
                            .notPreserved, of: extent.owner, at: Place(extent.role.name, at: extent.address),
                            found: "a page that is not preserved", expected: "all of it in the map of preserved memory")
                    }
                }
            }),
        CheckRule(
            "listed-twice", .error, .partly, at: .retrieval, about: "pages that a file of a described kind lists twice",
            then: "one part of the file gets the contents of another, or the page is used twice",
            explained: .init("6.19", .findWriter),
            find: { handover, findings in
                for (owner, contents) in handover.describedFiles {
                    var (frames, places): (Set<UInt64>, Set<UInt64>) = ([], [])
                    for folio in contents.folios ?? [] where folio.pfn != 0 {
                        let isNew = frames.insert(folio.pfn).inserted
                        guard !isNew || !places.insert(folio.index).inserted else { continue }
                        findings.report(
                            .duplicate, of: owner,
                            at: Place("folio", at: PhysicalAddress(folio.pfn << UInt64(handover.pageSize.shift))),
                            found: "page \(folio.index) in frame \(folio.pfn.prefixedHex) again",
                            expected: "no duplicates")
                    }
                }
            }),
        CheckRule(
            "region-tail", .note, .accepted, at: .initialisation, about: "regions whose last page is partial",
            then: "the contents of a partial last page are lost, as the kernel preserves only whole pages",
            in: "reserved_mem_preserve",
            explained: .init("6.16", "Make the size of the region a multiple of the page size."),
            find: { handover, findings in
                guard handover.isPopulated else { return }
                let pageSize = handover.pageSize.bytes
                for region in handover.contents where region.role == .region && region.byteCount % pageSize != 0 {
                    findings.report(
                        .size, of: region.owner, at: Place("region", at: region.address),
                        found: "\(region.byteCount) bytes", expected: "a multiple of \(pageSize)")
                }
            }),
        CheckRule(
            "split-block", .warning, .accepted, at: .open,
            about: "pages that are preserved in other blocks than a kernel uses",
            then: "the kernel warns, and does not free the page", in: "kho_restore_free",
            explained: .init("6.16", .preserveAll),
            find: { handover, findings in
                guard let preserved = handover.preserved else { return }
                let reading = handover.reading
                let pageSize = handover.pageSize
                for extent in reading.extents where extent.role.isFreedAfterUse {
                    guard preserved.summary.contains(extent.pages(of: pageSize)),
                        preserved.order(at: extent.pages(of: pageSize).lowerBound, pageSize: pageSize) == nil
                    else { continue }
                    findings.report(
                        .notPreserved, of: extent.owner, at: Place(extent.role.name, at: extent.address),
                        found: "a page inside a preserved block", expected: "a preserved block that begins there")
                }
            }),
        CheckRule(
            "shared-contents", .error, .partly, at: .retrieval,
            about: "pages of a file that also belong to another file",
            then: "the kernel warns, and the second file to be retrieved is lost", in: "kho_restore_page",
            errno: .io, seen: "WARNING in kho_restore_page; LIVEUPDATE_SESSION_RETRIEVE_FD fails with EIO",
            explained: .init("6.19", .findOwners),
            find: { handover, findings in
                handover.reportOverlaps(to: &findings) { $0 == .contents && $1 == .contents }
            }),
        CheckRule(
            "two-owners", .error, .unchecked, at: .retrieval, about: "pages that belong to two owners",
            then: "the kernel gives the page to one of them, and what the other does with it is unpredictable",
            explained: .init("6.16", .findOwners),
            find: { handover, findings in
                handover.reportOverlaps(to: &findings) { $0 != .contents || $1 != .contents }
            }),
        CheckRule(
            "scratch", .error, .unchecked, at: .map, about: "pages in the memory that the next kernel boots from",
            then: "the kernel overwrites the page before it reads it", in: "kho_scratch_overlap",
            explained: .init(
                "6.16", "Preserve no memory in the scratch areas; use the same kho_scratch= for both kernels."),
            find: { handover, findings in
                for area in handover.options.scratch + handover.subject.scratch {
                    let expected = "nothing in the scratch area from \(area.lowerBound) to \(area.upperBound)"
                    for range in handover.preserved?.summary.ranges ?? [] where range.overlaps(area) {
                        findings.report(
                            .overlap, of: .map,
                            at: Place("map of preserved memory", at: max(range.lowerBound, area.lowerBound)),
                            found: "preserved memory up to \(min(range.upperBound, area.upperBound))",
                            expected: expected)
                    }
                    // If the map is known, preserved memory is already reported.
                    for extent in handover.reading.extents
                    where (handover.preserved == nil || !extent.role.isPreserved) && extent.range.overlaps(area) {
                        findings.report(
                            .overlap, of: extent.owner, at: Place(extent.role.name, at: extent.address),
                            found: "a page of \(extent.owner)", expected: expected)
                    }
                    if let map = handover.state.kho?.preservedMemoryMap, area.contains(map) {
                        findings.report(
                            .overlap, of: .map, at: Place("map of preserved memory", at: map), found: "its root",
                            expected: expected)
                    }
                }
            }),
        CheckRule(
            "alignment", .warning, .accepted, at: .open, about: "structures that do not begin at a page boundary",
            then: "the kernel accepts them",
            explained: .init("6.16", .findWriter),
            find: { handover, findings in
                guard let address = handover.luoAddress, !handover.pageSize.isAligned(address) else { return }
                findings.report(
                    .misaligned, of: .luo(), at: Place(handover.abi?.subtree ?? "", at: address),
                    found: "an address inside a page", expected: "a multiple of \(handover.pageSize.bytes)")
            }),
        CheckRule(
            "slack", .warning, .accepted, at: .open, about: "nonzero bytes after structures",
            then: "the kernel does not check them",
            explained: .init("6.16", .nothing),
            find: { handover, findings in
                let reading = handover.reading
                for extent in reading.extents {
                    guard let used = extent.usedBytes, used < extent.byteCount,
                        let start = extent.address.advanced(by: UInt64(used))
                    else { continue }
                    let place = try? handover.memory.withBytes(
                        at: start, count: extent.byteCount - used
                    ) { $0.firstNonzeroByte }
                    guard let place = place.flatMap({ $0 }) else { continue }
                    findings.report(
                        .slack, of: extent.owner, at: Place(extent.role.name, at: start.advanced(by: UInt64(place))),
                        found: "bytes after its end", expected: "zeros to the end of the page")
                }
            }),
        CheckRule(
            "unreached", .warning, .accepted, at: .retrieval, about: "records that nothing points to",
            then: "the kernel does not read them, and what they describe is lost",
            explained: .init("6.19", .findWriter),
            find: { handover, findings in
                let pageSize = handover.pageSize
                // With very much memory, its order takes longer to check than all other rules.
                guard !handover.subject.isLarge, let patterns = PagePatterns(handover.generation, pageSize) else {
                    return
                }
                var left = 1 << 14
                let known = (handover.reading.extents + handover.contents).pages(of: pageSize)
                let rest = (handover.preserved?.summary.ranges ?? []).flatMap { $0.pieces(notIn: known) }
                for range in rest.flatMap({ $0.pieces(in: handover.memory.regions) }) {
                    for page in range.portions(of: UInt64(pageSize.bytes)) where left > 0 {
                        left -= 1
                        let kind = try? handover.memory.withBytes(at: page.lowerBound, count: pageSize.bytes) {
                            patterns.kind(of: $0)
                        }
                        guard let kind = kind.flatMap({ $0 }) else { continue }
                        findings.report(
                            .missing, of: .luo(), at: Place("preserved page", at: page.lowerBound),
                            found: "what looks like \(kind.noun), and nothing points to it",
                            expected: "no unreachable records: dump --search shows these")
                    }
                }
            }),
        CheckRule(
            "stale-root", .note, .accepted, at: .root, about: "roots left by earlier handovers",
            then: "the kernel does not see them",
            explained: .init("6.16", "Nothing needs to be done; --fdt-pa ADDRESS reads one of them."),
            find: { handover, findings in
                for address in handover.subject.reading?.state.kho?.staleRoots ?? [] {
                    findings.report(
                        .stale, of: .kho, at: Place("root FDT", at: address),
                        found: "a root left by an earlier handover",
                        expected:
                            "the live one at \(handover.subject.rootAddress?.description ?? "an unknown address")")
                }
            }),
        CheckRule(
            "damage", .error, .unchecked, at: .retrieval, about: "damage that no other rule covers",
            then: "what the kernel does is unpredictable",
            explained: .init("6.16", .findWriter),
            claims: { _, _ in true }),
    ]
}

extension Extent {
    /// The bytes used by structures; `nil` if the rest need not be zero.
    fileprivate var usedBytes: Int? {
        switch form {
        case .tree, .opaque: nil
        case .structure(let structure): structure.size
        case .slice(_, _, let count): count
        case .records(let header, let record, let count): (header?.size ?? 0) + count * record.size
        }
    }
}

extension ReceivedHandover {
    /// Reports pieces of memory that begin inside of others, by address; but not two folios of one file, which is what
    /// another rule is about.
    fileprivate func reportOverlaps(
        to findings: inout RuleFindings, where areTheirs: (Extent.Role, Extent.Role) -> Bool
    ) {
        let lists = [reading.extents, contents]
        // Sorts indices, as moving extents would take longer than everything else.
        var pieces: [(range: Range<PhysicalAddress>, list: Int, index: Int)] = []
        pieces.reserveCapacity(lists.reduce(0) { $0 + $1.count })
        for (list, extents) in lists.enumerated() {
            for (index, extent) in extents.enumerated() where extent.byteCount > 0 {
                pieces.append((extent.pages(of: pageSize), list, index))
            }
        }
        pieces.sort { $0.range.lowerBound < $1.range.lowerBound }
        guard var open = pieces.first else { return }
        for piece in pieces.dropFirst() {
            if piece.range.lowerBound < open.range.upperBound {
                let (extent, other) = (lists[piece.list][piece.index], lists[open.list][open.index])
                let isOneFile = extent.role == .contents && other.role == .contents && extent.owner == other.owner
                // Pieces smaller than a page can share one.
                let areApart =
                    !extent.range.overlaps(other.range)
                    && (extent.role == .bitmap && other.role == .bitmap || !pageSize.isAligned(extent.address))
                if !isOneFile, !areApart, areTheirs(extent.role, other.role) {
                    findings.report(
                        .overlap, of: extent.owner, at: Place(extent.role.name, at: piece.range.lowerBound),
                        found: "a page of \(other.owner) as well", expected: "one owner")
                }
                guard piece.range.upperBound > open.range.upperBound else { continue }
            }
            open = piece
        }
    }
}
