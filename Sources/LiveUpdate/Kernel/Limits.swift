import KernelABI
import SystemPackage

/// How much a kernel holds, with pages of its size.
struct Limits: Sendable {
    /// Sessions in all.
    let sessions: Int
    /// What the kernel says when there are no more.
    let sessionError: Errno
    /// Files of a session.
    let files: Int
    /// Distinct FLBs: `LUO_FLB_MAX`.
    let flbs: Int

    init(_ generation: Generation, _ pageSize: PageSize) {
        sessions = generation.luo?.sessions.limit(pageSize: pageSize) ?? 0
        files = generation.luo?.files.limit(pageSize: pageSize) ?? 0
        flbs = generation.luo?.flbs?.limit(pageSize: pageSize) ?? 0
        sessionError =
            switch generation.luo?.sessions.form {
            case .array: .noMemory
            case .blockChain, nil: .noSpace
            }
    }
}
