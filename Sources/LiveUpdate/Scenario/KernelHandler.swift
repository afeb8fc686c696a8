import Handover
import KernelABI

/// A file handler that kernels have of themselves, as scenarios know it.
struct KernelHandler: Sendable {
    /// What steps call it.
    let name: String
    /// What kernels call it, from release to release.
    let compatibles: [String]
    /// The operations that it lacks.
    let lacks: Set<String>
    /// The handler of a kernel; `nil` if that kernel has none.
    let make: @Sendable (KernelConfiguration) -> FileHandler?
    /// Makes a file that the handler takes.
    let makeFile: @Sendable (Scenario.FileDefinition, PageSize) -> any PreservableFile

    static let memfd = KernelHandler(
        name: "memfd",
        compatibles: Generation.known.flatMap(\.fileHandlers).filter { $0.layout is MemFDLayout }.map(\.compatible),
        lacks: [Event.Callback.Operation.canFinish.rawValue], make: { FileHandler.memfd(for: $0) },
        makeFile: { file, pageSize in
            MemFD(
                contents: Array((file.text ?? "").utf8), size: file.size ?? 0, position: file.position ?? 0,
                seals: file.seals ?? 0, pageSize: pageSize)
        })

    static let all = [memfd]

    static func named(_ name: String) -> KernelHandler? { all.first { $0.name == name } }
}
