import KernelABI

extension CheckRule {
    /// The page of FLBs, which is read when somebody retrieves one.
    static let flbRules: [CheckRule] = [
        CheckRule(
            "flb-absent", .error, .partly, .retrieval, "whether there is a page of FLBs",
            "the kernel has no FLB to give", in: "luo_flb_setup_incoming"
        ) { handover, findings in
            guard let address = handover.luo?.flbAddress, address.rawValue == 0, let abi = handover.generation.luo?.flbs
            else { return }
            findings.report(
                .link, of: .luo(), at: Place(LUOLayout.layout.structure, at: handover.luo?.address).field(LUOLayout.layout.flbs),
                found: "0",
                expected: "a page of \(abi.record.name): a kernel always hands one over", errno: .noData)
        },
        CheckRule(
            "flb-address", .error, .unchecked, .retrieval, "where the page of FLBs is",
            "the kernel reads whatever is there", in: "luo_flb_retrieve_one"
        ) { handover, findings in
            guard handover.context.hasMemory, let flbs = handover.luo?.flbs, flbs.count == nil else { return }
            findings.report(
                .notAvailable, of: .luo(), at: Place(FLBHeaderLayout.layout.structure, at: flbs.address),
                found: "no memory at hand there",
                expected: "the page of FLBs")
        },
        CheckRule(
            "flb-count", .error, .unchecked, .retrieval, "the number of FLBs", "the kernel reads on behind the page",
            in: "luo_flb_retrieve_one"
        ) { handover, findings in
            guard let flbs = handover.luo?.flbs, let count = flbs.count, count > UInt64(flbs.capacity) else { return }
            findings.report(
                .count, of: .luo(),
                at: Place(FLBHeaderLayout.layout.structure, at: flbs.address).field(FLBHeaderLayout.layout.count),
                found: "\(count)", expected: "at most \(flbs.capacity)")
        },
        CheckRule(
            "flb-name", .error, .partly, .retrieval, "the names of FLBs", "the kernel does not find the FLB",
            in: "luo_flb_retrieve_one"
        ) { handover, findings in
            for flb in handover.luo?.flbs?.flbs ?? [] where !flb.name.isTerminated {
                findings.report(
                    .termination, of: .flb(flb.name), at: flb.place.field(FLBLayout.layout.name),
                    found: "\(flb.name.quoted) without a NUL", expected: "a NUL within \(FLBLayout.layout.name.count) bytes",
                    errno: .noEntry)
            }
        },
        CheckRule(
            "flb-cut-name", .warning, .accepted, .retrieval, "names of FLBs that may have been cut",
            "where the name is longer, the kernel does not find the FLB", in: "luo_flb_serialize"
        ) { handover, findings in
            let limit = FLBLayout.layout.name.count - 1
            for flb in handover.luo?.flbs?.flbs ?? [] where flb.name.isTerminated && flb.name.bytes.count == limit {
                findings.report(
                    .termination, of: .flb(flb.name), at: flb.place.field(FLBLayout.layout.name),
                    found: "\(flb.name.quoted), which fills the field", expected: "a name of less than \(limit) bytes")
            }
        },
        CheckRule(
            "flb-duplicate", .error, .partly, .retrieval, "FLBs of the same name", "the kernel finds the first of them only",
            in: "luo_flb_retrieve_one"
        ) { handover, findings in
            var names: Set<KernelString> = []
            for flb in handover.luo?.flbs?.flbs ?? [] where !names.insert(flb.name).inserted {
                findings.report(
                    .duplicate, of: .flb(flb.name), at: flb.place.field(FLBLayout.layout.name),
                    found: "\(flb.name.quoted) again", expected: "a name that no other FLB has")
            }
        },
        CheckRule(
            "flb-file-count", .warning, .accepted, .retrieval, "the number of files that depend on an FLB",
            "the kernel finishes the FLB too early, or never", in: "luo_flb_file_finish"
        ) { handover, findings in
            guard let luo = handover.luo, let flbs = luo.flbs, !flbs.flbs.isEmpty, luo.sessionRecords?.chain?.isTaken ?? true,
                luo.sessions.allSatisfy({ $0.files.count == Int(clamping: $0.count) })
            else { return }
            // An FLB depends on handlers: it counts all files of each, or none.
            var files: [KernelString: UInt64] = [:]
            for session in luo.sessions {
                for run in session.runs { files[run.compatible, default: 0] += UInt64(run.files.count) }
            }
            guard files.count <= 8 else { return }
            var sums: Set<UInt64> = [0]
            for count in files.values { sums.formUnion(sums.map { $0 + count }) }
            for flb in flbs.flbs where flb.count == 0 || !sums.contains(flb.count) {
                findings.report(
                    .mismatch, of: .flb(flb.name), at: flb.place.field(FLBLayout.layout.count), found: "\(flb.count)",
                    expected: sums.count == 1
                        ? "no such FLB: there are no files"
                        : "the files of its handlers: "
                            + sums.subtracting([0]).sorted().map(String.init).joined(separator: " or "))
            }
        },
        CheckRule(
            "flb-pages", .warning, .accepted, .retrieval, "the number of pages of FLBs", "the kernel does not look",
            in: nil
        ) { handover, findings in
            guard let flbs = handover.luo?.flbs, let pages = flbs.pageCount, pages != 1 else { return }
            findings.report(
                .outOfRange, of: .luo(),
                at: Place(FLBHeaderLayout.layout.structure, at: flbs.address).field(FLBHeaderLayout.layout.pageCount),
                found: "\(pages)", expected: "1")
        },
    ]
}
