import KernelABI

extension Finding {
    /// Whether a link points to no memory, or to memory that cannot hold the structure.
    var isLost: Bool { [.notAvailable, .leftOut, .unreadable, .misaligned].contains(cause) }

    /// Whether a chain loops or is too long.
    var isEndlessChain: Bool { cause == .cyclic || cause == .tooLong }

    /// Whether it is about a block's header.
    var isInBlock: Bool { place.isIn(BlockHeaderLayout.layout.structure) }
}

extension CheckRule {
    private static let panics = "the kernel panics, as it cannot tell what it was handed"

    /// Rules about the chain or array of sessions, and the sessions in it.
    static let sessionRules: [CheckRule] = [
        CheckRule(
            "session-chain", .error, .panic, at: .initialisation, about: "the chain of blocks of sessions",
            then: panics,
            in: "kho_block_set_restore", seen: "luo: Block set is corrupted",
            explained: .init("7.2", .findWriter),
            claims: { finding, _ in finding.owner.isLUO && finding.isEndlessChain }),
        CheckRule(
            "session-block-count", .error, .panic, at: .initialisation, about: "the number of sessions in a block",
            then: panics, in: "kho_block_set_restore", seen: "luo: Block contains invalid entry count: N",
            explained: .init("7.2", .findWriter),
            claims: { finding, _ in finding.owner.isLUO && finding.cause == .count && finding.isInBlock }),
        CheckRule(
            "session-address", .error, .unchecked, at: .initialisation, about: "the address of the sessions",
            then: "the kernel follows the pointer, and treats whatever is there as sessions",
            in: "luo_session_setup_incoming", seen: "BUG: unable to handle page fault for address: …",
            explained: .init("6.19", .captureMore),
            claims: { finding, handover in
                finding.owner.isLUO && (finding.isLost || finding.cause == .visitedBefore)
                    && (finding.isInBlock || finding.place.isIn(SessionHeaderLayout.layout.structure)
                        || finding.place.isIn(handover.abi?.sessions.record.structure))
            }),
        CheckRule(
            "session-count", .error, .unchecked, at: .open, about: "the number of sessions in their array",
            then: "the kernel reads past the pages", in: "luo_session_deserialize",
            explained: .init("6.19", to: "7.1", .findWriter),
            claims: { finding, _ in
                finding.cause == .count && finding.place.isIn(SessionHeaderLayout.layout.structure)
            }),
        CheckRule(
            "session-duplicate", .error, .openFails, at: .open, about: "sessions of the same name",
            then: "opening /dev/liveupdate fails with EIO", in: "luo_session_insert", errno: .io,
            seen: "luo: Failed to insert session […] -17; open(/dev/liveupdate) fails with EIO",
            explained: .init("6.19", .uniqueNames),
            find: { handover, findings in
                guard let layout = handover.abi?.sessions.record, let places = handover.reading.records.sessions
                else { return }
                var seen: [[UInt8]: Int] = [:]
                for (index, session) in handover.sessions.enumerated() {
                    let name = session.keptName(in: layout.name)
                    if let first = seen[name] {
                        findings.report(
                            .duplicate, of: .session(session.name), at: places[index].field(layout.name),
                            found:
                                "\(session.name.named), as at \(places[first].address.map { "\($0)" } ?? "\(first)")",
                            expected: "a unique name")
                    } else {
                        seen[name] = index
                    }
                }
            }),
        CheckRule(
            "session-name", .warning, .accepted, at: .open, about: "the names of sessions",
            then: "the kernel truncates the name to fit", in: "luo_session_alloc",
            explained: .init("6.19", .uniqueNames),
            claims: { finding, _ in finding.cause == .termination && finding.owner.isSession }),
        CheckRule(
            "session-unnamed", .warning, .accepted, at: .open, about: "sessions without a name",
            then: "the kernel accepts the session, though none can be created without a name", in: "luo_session_alloc",
            explained: .init("6.19", .findWriter),
            find: { handover, findings in
                guard let layout = handover.abi?.sessions.record, let places = handover.reading.records.sessions
                else { return }
                for (index, session) in handover.sessions.enumerated() where session.name.bytes.isEmpty {
                    findings.report(
                        .outOfRange, of: .session(session.name), at: places[index].field(layout.name),
                        found: "an empty name", expected: "a name: no session can be created without one")
                }
            }),
    ]
}

extension SessionState {
    /// The name in the kernel's copy: at most one byte less than the field, for the NUL.
    fileprivate func keptName(in field: CharacterField) -> [UInt8] {
        let limit = field.count - 1
        return name.bytes.count <= limit ? name.bytes : Array(name.bytes.prefix(limit))
    }
}
