import KernelABI

extension CheckRule {
    private static let givesEIO = "/dev/liveupdate gives EIO"

    /// The files of sessions, which are listed when somebody opens `/dev/liveupdate`.
    static let fileRules: [CheckRule] = [
        CheckRule(
            "file-chain", .error, .openFails, .open, "the chain of blocks of a session's files", givesEIO,
            in: "kho_block_set_restore"
        ) { handover, findings in
            for session in handover.sessions {
                guard let chain = session.records?.chain else { continue }
                findings.reportUntakenChain(chain, handover.generation.luo?.files, owner: session.owner, errno: .io)
            }
        },
        CheckRule(
            "file-block-count", .error, .openFails, .open, "the number of files in a block", givesEIO,
            in: "kho_block_set_restore"
        ) { handover, findings in
            guard let container = handover.generation.luo?.files else { return }
            for session in handover.sessions {
                guard let chain = session.records?.chain else { continue }
                findings.reportBadCount(chain, container, handover.context.pageSize, owner: session.owner, errno: .io)
            }
        },
        CheckRule(
            "file-address", .error, .unchecked, .open, "where the files of a session are",
            "the kernel follows the pointer, and takes whatever is there for files", in: "luo_file_deserialize"
        ) { handover, findings in
            guard handover.context.hasMemory else { return }
            for session in handover.sessions {
                guard let records = session.records else { continue }
                findings.reportMissing(records, FileLayout.layout.structure.name, owner: session.owner)
            }
        },
        CheckRule(
            "file-shared-chain", .error, .unchecked, .open, "files that belong to two sessions",
            "the kernel lists them for both, and frees their blocks twice", in: "luo_file_finish"
        ) { handover, findings in
            for session in handover.sessions {
                guard case .shared(let address) = session.records?.chain?.end else { continue }
                findings.report(
                    .visitedBefore, of: session.owner, at: session.fileSet.field(FileSetLayout.layout.files),
                    found: "\(address), which belongs to another session", expected: "blocks of this one alone")
            }
        },
        CheckRule(
            "file-handler", .error, .openFails, .open, "the handlers of files", givesEIO, in: "luo_file_deserialize_one"
        ) { handover, findings in
            for session in handover.sessions {
                for run in session.runs where !handover.handlers.contains(run.compatible) {
                    for file in session.files[run.files] {
                        findings.report(
                            .handler, of: session.owner(of: file), at: file.place.field(FileLayout.layout.compatible),
                            found: run.compatible.quoted + (run.compatible.isTerminated ? "" : " without a NUL"),
                            expected: "a handler that the kernel has: \(handover.handlers.names)", errno: .io)
                    }
                }
            }
        },
        CheckRule(
            "file-count", .error, .openFails, .open, "the number of files that a session states", givesEIO,
            in: "luo_file_deserialize"
        ) { handover, findings in
            for session in handover.sessions {
                guard let chain = session.records?.chain, case .whole = chain.end else { continue }
                let found = chain.blocks.reduce(0) { $0 &+ $1.count }
                guard found != session.count else { continue }
                findings.report(
                    .mismatch, of: session.owner, at: session.fileSet.field(FileSetLayout.layout.count),
                    found: "\(session.count)",
                    expected: "\(found), the number of files in its blocks", errno: .io)
            }
        },
        CheckRule(
            "file-array-count", .error, .unchecked, .open, "the number of files in their array",
            "the kernel reads on behind the pages", in: "luo_file_deserialize"
        ) { handover, findings in
            guard let container = handover.generation.luo?.files else { return }
            let capacity = container.capacity(pageSize: handover.context.pageSize)
            for session in handover.sessions {
                guard let count = session.records?.statedCount, count > UInt64(capacity) else { continue }
                findings.report(
                    .count, of: session.owner, at: session.fileSet.field(FileSetLayout.layout.count),
                    found: "\(count)", expected: "at most \(capacity), which is what the pages hold")
            }
        },
        CheckRule(
            "file-set-lost", .error, .partly, .open, "sessions whose files are nowhere",
            "the kernel warns, and the session has no files", in: "luo_file_deserialize"
        ) { handover, findings in
            for session in handover.sessions {
                guard session.filesAddress.rawValue == 0, session.count != 0 else { continue }
                findings.report(
                    .link, of: session.owner, at: session.fileSet.field(FileSetLayout.layout.files),
                    found: "0, with \(session.count) files", expected: "where its files are",
                    errno: .noEntry)
            }
        },
        CheckRule(
            "file-token", .error, .partly, .retrieval, "files of the same token in a session",
            "the kernel finds the first of them only", in: "luo_retrieve_file"
        ) { handover, findings in
            for session in handover.sessions {
                guard mayRepeat(session.files.lazy.map(\.token)) else { continue }
                var tokens: Set<UInt64> = []
                for file in session.files where !tokens.insert(file.token).inserted {
                    findings.report(
                        .duplicate, of: session.owner(of: file), at: file.place.field(FileLayout.layout.token),
                        found: "0x\(String(file.token, radix: 16)) again", expected: "a token that the session has once")
                }
            }
        },
    ]
}
