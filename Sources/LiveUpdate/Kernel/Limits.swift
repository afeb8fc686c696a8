import KernelABI
import SystemPackage

/// How much a kernel holds, with pages of its size.
struct Limits: Sendable {
    /// Sessions in all.
    let sessions: Int
    /// What the kernel says when there are no more.
    let sessionError: Errno
    /// Sessions of a block; 0 if they lie in an array.
    let sessionsOfBlock: Int
    /// The bytes of a session's name, without the NUL.
    let sessionName: Int
    /// Files of a session.
    let files: Int
    /// Distinct FLBs: `LUO_FLB_MAX`.
    let flbs: Int

    init(_ generation: Generation, _ pageSize: PageSize) {
        sessions = generation.luo?.sessions.limit(pageSize: pageSize) ?? 0
        sessionName = (generation.luo?.sessions.record.name.count ?? 1) - 1
        files = generation.luo?.files.limit(pageSize: pageSize) ?? 0
        flbs = generation.luo?.flbs?.limit(pageSize: pageSize) ?? 0
        switch generation.luo?.sessions.form {
        case .array:
            sessionError = .noMemory
            sessionsOfBlock = 0
        case .blockChain, nil:
            sessionError = .noSpace
            sessionsOfBlock = generation.luo?.sessions.capacity(pageSize: pageSize) ?? 0
        }
    }

    /// How many blocks the records of `count` sessions need.
    func sessionBlocks(_ count: Int) -> Int {
        sessionsOfBlock > 0 ? (count + sessionsOfBlock - 1) / sessionsOfBlock : 0
    }
}
