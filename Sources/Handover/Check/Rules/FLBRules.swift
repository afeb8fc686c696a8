import KernelABI

extension CheckRule {
    /// Rules about the page of FLBs, which is read when an FLB is retrieved.
    static let flbRules: [CheckRule] = [
        CheckRule(
            "flb-unknown", .error, .partly, at: .retrieval, about: "FLBs for a kernel without FLBs",
            then: "the kernel ignores them, and their data is lost",
            seen: "no message; files that depend on an FLB are restored without it",
            explained: .init("6.19", to: "6.19", "Boot a kernel with FLBs: 7.0 or later."),
            find: { handover, findings in
                guard handover.isPopulated, let abi = handover.abi, abi.flbs == nil else { return }
                for flb in handover.subject.reading?.state.luo?.flbs ?? [] {
                    findings.report(
                        .compatible, of: .flb(flb.name), at: Place(FLBHeaderLayout.layout.structure),
                        found: "an FLB", expected: "a kernel with FLBs")
                }
            }),
        CheckRule(
            "flb-absent", .error, .partly, at: .retrieval, about: "whether there is a page of FLBs",
            then: "the kernel has no FLB to return", in: "luo_flb_setup_incoming", errno: .noData,
            seen: "liveupdate_flb_get_incoming() fails with ENODATA",
            explained: .init("7.0", .findWriter),
            find: { handover, findings in
                guard handover.luo?.flbAddress?.rawValue == 0, let container = handover.abi?.flbs,
                    let place = handover.place(of: { $0.flbs }, { $0.flbs?.addressProperty })
                else { return }
                findings.report(
                    .link, of: .luo(), at: place, found: "0",
                    expected: "a page of \(container.record.structure.name): a kernel always hands one over")
            }),
        CheckRule(
            "flb-address", .error, .unchecked, at: .retrieval, about: "the address of the page of FLBs",
            then: "the kernel reads whatever is there", in: "luo_flb_retrieve_one",
            seen: "BUG: unable to handle page fault for address: …",
            explained: .init("7.0", .captureMore),
            claims: { finding, handover in
                finding.owner.isLUO && (finding.isLost || finding.cause == .visitedBefore)
                    && (finding.place.isIn(FLBHeaderLayout.layout.structure)
                        || finding.place.isIn(handover.abi?.flbs?.record.structure))
            },
            find: { handover, findings in
                guard let address = handover.luo?.flbAddress, address.rawValue != 0 else { return }
                handover.reportIfNowhere(address, of: .luo(), at: Place(FLBHeaderLayout.layout.structure), &findings)
            }),
        CheckRule(
            "flb-count", .error, .unchecked, at: .retrieval, about: "the number of FLBs",
            then: "the kernel reads past the page", in: "luo_flb_retrieve_one",
            explained: .init("7.0", .findWriter),
            claims: { finding, _ in finding.cause == .count && finding.place.isIn(FLBHeaderLayout.layout.structure) }),
        CheckRule(
            "flb-name", .error, .partly, at: .retrieval, about: "the names of FLBs",
            then: "the kernel does not find the FLB",
            in: "luo_flb_retrieve_one", errno: .noEntry, seen: "liveupdate_flb_get_incoming() fails with ENOENT",
            explained: .init("7.0", .uniqueNames),
            claims: { finding, handover in
                finding.cause == .termination && finding.place.isIn(handover.abi?.flbs?.record.structure)
            }),
        CheckRule(
            "flb-cut-name", .warning, .accepted, at: .retrieval, about: "names of FLBs that may have been truncated",
            then: "if the name is longer, the kernel does not find the FLB", in: "luo_flb_serialize",
            explained: .init("7.0", .uniqueNames),
            find: { handover, findings in
                handover.forEachFLB { flb, place, layout in
                    let limit = layout.name.count - 1
                    guard flb.name.isTerminated, flb.name.bytes.count == limit else { return }
                    findings.report(
                        .termination, of: .flb(flb.name), at: place.field(layout.name),
                        found: "\(flb.name.named), which fills the field",
                        expected: "a name of less than \(limit) bytes")
                }
            }),
        CheckRule(
            "flb-duplicate", .error, .partly, at: .retrieval, about: "FLBs of the same name",
            then: "the kernel finds only the first of them", in: "luo_flb_retrieve_one",
            explained: .init("7.0", .uniqueNames),
            find: { handover, findings in
                var names: Set<KernelString> = []
                handover.forEachFLB { flb, place, layout in
                    // FLBs cannot be registered without a name, so an unnamed record is never looked up.
                    guard !flb.name.bytes.isEmpty, !names.insert(flb.name).inserted else { return }
                    findings.report(
                        .duplicate, of: .flb(flb.name), at: place.field(layout.name),
                        found: "\(flb.name.named) again", expected: "a unique name")
                }
            }),
        CheckRule(
            "flb-file-count", .warning, .accepted, at: .retrieval, about: "the number of files that depend on an FLB",
            then: "the kernel finishes the FLB too early, or never", in: "luo_flb_file_finish",
            seen: "WARNING: lib/refcount.c refcount_warn_saturate, when the last file is finished",
            explained: .init("7.0", .preserveAnew),
            find: { handover, findings in
                guard let luo = handover.luo, luo.flbs?.isEmpty == false, let files = handover.filesByHandler else {
                    return
                }
                var sums: Set<UInt64> = [0]
                for count in files.values { sums.formUnion(sums.map { $0 + count }) }
                handover.forEachFLB { flb, place, layout in
                    guard flb.count == 0 || !sums.contains(flb.count) else { return }
                    findings.report(
                        .mismatch, of: .flb(flb.name), at: place.field(layout.count), found: "\(flb.count)",
                        expected: sums.count == 1
                            ? "no such FLB: there are no files"
                            : "the number of files of its handlers: "
                                + sums.subtracting([0]).sorted().map(String.init).joined(separator: " or "))
                }
            }),
        CheckRule(
            "flb-pages", .warning, .accepted, at: .retrieval, about: "the number of pages of FLBs",
            then: "the kernel does not check",
            explained: .init("7.0", .nothing),
            find: { handover, findings in
                guard let pages = handover.luo?.flbPageCount, pages != 1 else { return }
                let layout = FLBHeaderLayout.layout
                findings.report(
                    .outOfRange, of: .luo(),
                    at: Place(layout.structure, at: handover.luo?.flbAddress).field(layout.pageCount),
                    found: "\(pages)", expected: "1")
            }),
    ]
}

extension ReceivedHandover {
    fileprivate func forEachFLB(_ body: (FLBState, Place, FLBLayout) -> Void) {
        guard let layout = abi?.flbs?.record, let places = reading.records.flbs else { return }
        for (index, flb) in (luo?.flbs ?? []).enumerated() { body(flb, places[index], layout) }
    }

    /// The number of files of each handler, as an FLB counts either all files of a handler or none; `nil` if not all
    /// files are known, or if there are too many handlers to draw conclusions.
    fileprivate var filesByHandler: [KernelString: UInt64]? {
        guard let sessions = luo?.sessions else { return nil }
        // A broken chain of sessions has lost some.
        guard !reading.findings.contains(where: { $0.owner.isLUO && ($0.isEndlessChain || $0.isLost) }) else {
            return nil
        }
        var counts: [KernelString: UInt64] = [:]
        for session in sessions {
            guard UInt64((session.files ?? []).count) == session.count ?? 0 else { return nil }
            var last: KernelString?
            var run: UInt64 = 0
            for file in session.files ?? [] {
                if file.compatible != last {
                    if let last { counts[last, default: 0] += run }
                    (last, run) = (file.compatible, 0)
                }
                run += 1
            }
            if let last { counts[last, default: 0] += run }
        }
        return counts.count <= 8 ? counts : nil
    }
}
