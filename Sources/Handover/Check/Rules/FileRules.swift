import KernelABI

extension CheckRule {
    private static let failsToOpen = "opening /dev/liveupdate always fails with EIO"

    /// Rules about the files of sessions, which are listed when `/dev/liveupdate` is opened.
    static let fileRules: [CheckRule] = [
        CheckRule(
            "file-chain", .error, .openFails, at: .open, about: "the chain of blocks of a session's files",
            then: failsToOpen, in: "kho_block_set_restore", errno: .io,
            seen: "luo: Block set is corrupted; open(/dev/liveupdate) fails with EIO",
            explained: .init("7.2", .findWriter),
            claims: { finding, _ in finding.owner.isSession && finding.isEndlessChain }),
        CheckRule(
            "file-block-count", .error, .openFails, at: .open, about: "the number of files in a block",
            then: failsToOpen,
            in: "kho_block_set_restore", errno: .io,
            seen: "luo: Block contains invalid entry count: N; open(/dev/liveupdate) fails with EIO",
            explained: .init("7.2", .findWriter),
            claims: { finding, _ in finding.owner.isSession && finding.cause == .count && finding.isInBlock }),
        CheckRule(
            "file-address", .error, .unchecked, at: .open, about: "the address of a session's files",
            then: "the kernel follows the pointer, and treats whatever is there as files", in: "luo_file_deserialize",
            seen: "BUG: unable to handle page fault for address: …",
            explained: .init("6.19", .captureMore),
            claims: { finding, _ in finding.owner.isSession && finding.isLost }),
        CheckRule(
            "file-shared-chain", .error, .unchecked, at: .open, about: "files that belong to two sessions",
            then: "the kernel lists them for both, and frees their blocks twice", in: "luo_file_finish",
            seen: "LIVEUPDATE_SESSION_RETRIEVE_FD fails with ENOENT for the second session",
            explained: .init("6.19", .findOwners),
            claims: { finding, _ in finding.owner.isSession && finding.cause == .visitedBefore }),
        CheckRule(
            "file-handler", .error, .openFails, at: .open, about: "the handlers of files", then: failsToOpen,
            in: "luo_file_deserialize_one", errno: .io,
            seen: "luo: No registered handler for compatible '…'; open(/dev/liveupdate) fails with EIO",
            explained: .init("6.19", .loadHandlers),
            claims: { finding, _ in finding.cause == .termination && finding.owner.isFile },
            find: { handover, findings in
                guard let layout = handover.abi?.files.record else { return }
                for (index, session) in handover.sessions.enumerated() {
                    // Adjacent files mostly have the same handler.
                    var known: KernelString?
                    for (number, file) in (session.files ?? []).enumerated() {
                        guard let compatible = file.compatible, compatible != known else { continue }
                        if handover.handlers.contains(compatible) {
                            known = compatible
                            continue
                        }
                        findings.report(
                            .handler, of: .file(session: session.name, token: file.token),
                            at: handover.reading.records.file(number, ofSession: index, layout.structure)
                                .field(layout.compatible),
                            found: compatible.named,
                            expected: "a handler of the kernel: \(handover.handlers.names)")
                    }
                }
            }),
        CheckRule(
            "file-count", .error, .openFails, at: .open, about: "the number of files that a session states",
            then: failsToOpen, in: "luo_file_deserialize", errno: .io,
            seen: "luo: File count mismatch: expected N, found M; open(/dev/liveupdate) fails with EIO",
            explained: .init("7.2", .findWriter),
            claims: { finding, _ in finding.owner.isSession && finding.cause == .mismatch }),
        CheckRule(
            "file-array-count", .error, .unchecked, at: .open, about: "the number of files in their array",
            then: "the kernel reads past the pages", in: "luo_file_deserialize",
            explained: .init("6.19", to: "7.1", .findWriter),
            claims: { finding, _ in finding.owner.isSession && finding.cause == .count }),
        CheckRule(
            "file-set-lost", .error, .partly, at: .open, about: "sessions that state files, but not where they are",
            then: "the kernel warns, and the session has no files", in: "luo_file_deserialize", errno: .noEntry,
            seen: "LIVEUPDATE_SESSION_RETRIEVE_FD fails with ENOENT",
            explained: .init("6.19", .findWriter),
            claims: { finding, _ in finding.owner.isSession && finding.cause == .link }),
        CheckRule(
            "file-token", .error, .partly, at: .retrieval, about: "files with the same token in a session",
            then: "the kernel finds only the first of them", in: "luo_retrieve_file",
            seen: "LIVEUPDATE_SESSION_RETRIEVE_FD returns the first file again, or fails with ENOENT",
            explained: .init("6.19", "Give each file of a session its own token when it is preserved."),
            find: { handover, findings in
                guard let layout = handover.abi?.files.record else { return }
                for (index, session) in handover.sessions.enumerated() {
                    let files = session.files ?? []
                    guard mayRepeat(files.lazy.map(\.token)) else { continue }
                    var tokens: Set<UInt64> = []
                    for (number, file) in files.enumerated() where !tokens.insert(file.token).inserted {
                        findings.report(
                            .duplicate, of: .file(session: session.name, token: file.token),
                            at: handover.reading.records.file(number, ofSession: index, layout.structure)
                                .field(layout.token),
                            found: "\(file.token.prefixedHex) again",
                            expected: "a unique token")
                    }
                }
            }),
    ]
}
