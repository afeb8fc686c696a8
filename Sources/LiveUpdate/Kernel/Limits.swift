import KernelABI
import SystemPackage

/// A kernel's limits, for its page size.
struct Limits: Sendable {
    /// The total number of sessions.
    let sessions: Int
    /// The kernel's error when there are too many.
    let sessionError: Errno
    /// The number of sessions per block; 0 if they are in an array.
    let sessionsOfBlock: Int
    /// The length of a session's name in bytes, without the NUL.
    let sessionName: Int
    /// The number of files per session.
    let files: Int
    /// The number of distinct FLBs: `LUO_FLB_MAX`.
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

    /// The number of blocks required for the records of `count` sessions.
    func sessionBlocks(_ count: Int) -> Int {
        sessionsOfBlock > 0 ? (count + sessionsOfBlock - 1) / sessionsOfBlock : 0
    }
}
