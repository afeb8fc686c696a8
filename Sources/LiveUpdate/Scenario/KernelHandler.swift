import Handover
import KernelABI

/// A file handler that is built into kernels, as used in scenarios.
struct KernelHandler: Sendable {
    /// The name that steps use.
    let name: String
    /// Its names in kernels, depending on the release.
    let compatibles: [String]
    /// The operations that it lacks.
    let lacks: Set<String>
    /// Creates the handler of a kernel; `nil` if that kernel has none.
    let make: @Sendable (KernelConfiguration) -> FileHandler?
    /// Creates a file that the handler can preserve.
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
