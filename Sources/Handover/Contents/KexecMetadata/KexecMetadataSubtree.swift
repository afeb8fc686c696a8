import FDT
import KernelABI

extension KexecMetadataState: CodedSubtree {
    static let name = Generation.KexecMetadataBlob.subtree
    static let key = "kexec_metadata"
    static let isAlwaysThere = true
    static let blobForm = Extent.Form.structure(layout.structure)
    private static let layout = KexecMetadataLayout.layout

    static let inputKind = InputKind(
        name: name, summary: "a kexec-metadata blob",
        refusal: .file { source, file in
            let bytes = source.prefix(layout.structure.size)
            guard bytes.count == layout.structure.size else {
                return "it has \(file.count) bytes, fewer than the \(layout.structure.size) of the structure"
            }
            let version = layout.version.read(bytes.span.bytes)
            guard (1..<256).contains(version) else { return "version is \(version)" }
            let release = layout.previousRelease.read(bytes.span.bytes)
            guard release.isTerminated, let first = release.bytes.first, (0x30...0x39).contains(first) else {
                return "previous_release is \(release.quoted), which is not a release"
            }
            return nil
        },
        read: { source, context throws(InputError) in
            let blob = HandoverDocument.Blob(name: name, bytes: source.prefix(layout.structure.size))
            return [
                try context.read(blob, of: source, kind: name) { reader throws(Finding) in
                    try reader.read(subtree: name, blob.bytes)
                }
            ]
        })

    static let rules = [
        CheckRule(
            "kexec-metadata", .warning, .accepted, at: .initialisation, about: "the previous kernel's name",
            then: "the kernel warns, and does not log the previous kernel", in: "kho_in_kexec_metadata",
            seen: "KHO: kexec-metadata version N not supported (expected 1)",
            explained: .init("7.1", .nothing),
            claims: { finding, handover in
                handover.generation.kexecMetadata != nil && finding.owner == .subtree(name)
                    && ![.notAvailable, .unreadable].contains(finding.cause)
            })
    ]

    static func read(
        _ blob: [UInt8], at address: PhysicalAddress?, _ generation: Generation, _ log: inout ReadingLog
    ) -> KexecMetadataState? {
        let place = Place(layout.structure, at: address)
        func report(_ cause: Finding.Cause, _ place: Place, found: String, expected: String) {
            log.report(cause, of: .subtree(name), at: place, found: found, expected: expected)
        }
        guard blob.count >= layout.structure.size else {
            report(.size, place, found: "\(blob.count) bytes", expected: "\(layout.structure.size)")
            return nil
        }
        let bytes = blob.span.bytes
        var state = KexecMetadataState()
        state.version = layout.version.read(bytes)
        guard let version = generation.kexecMetadata?.version, state.version == version else {
            report(
                .compatible, place.field(layout.version), found: "\(state.version)",
                expected: "\(generation.kexecMetadata?.version ?? KexecMetadataLayout.currentVersion)")
            return nil
        }
        let release: KernelString = layout.previousRelease.read(bytes)
        if !release.isTerminated {
            report(.termination, place.field(layout.previousRelease), found: release.named, expected: "a NUL")
        }
        state.previousRelease = release
        state.kexecCount = layout.kexecCount.read(bytes)
        return state
    }

    static func writer(of blob: [UInt8]) -> KernelString? {
        let bytes = blob.span.bytes
        return layout.structure.fits(in: bytes) ? layout.previousRelease.read(bytes) : nil
    }

    mutating func complete(in state: HandoverState, by planner: inout HandoverPlanner) {
        previousRelease = previousRelease ?? state.kernel.map { KernelString($0) }
        kexecCount = kexecCount ?? UInt32(clamping: state.luo?.liveUpdateNumber ?? 1)
        let path = DocumentPath.root[Self.key]
        planner.checkLength(
            of: previousRelease, Self.layout.previousRelease, "__NEW_UTS_LEN + 1", path["previous_release"])
        if version != KexecMetadataLayout.currentVersion {
            planner.reportForceable(
                path["version"], "\(version); KHO_KEXEC_METADATA_VERSION is \(KexecMetadataLayout.currentVersion)")
        }
    }

    func blob(_ generation: Generation, _ pageSize: PageSize) -> [UInt8] {
        let layout = Self.layout
        var bytes = [UInt8](repeating: 0, count: layout.structure.size)
        layout.version.write(version, to: &bytes)
        layout.previousRelease.write(previousRelease ?? "", to: &bytes)
        layout.kexecCount.write(kexecCount ?? 0, to: &bytes)
        return bytes
    }

    var writer: KernelString? { previousRelease }

    var title: String { "version \(version)" }

    var cells: [ContentCell] {
        var cells = [
            ContentCell("previous kernel", .heading),
            previousRelease.map { ContentCell($0.bare, .name) } ?? ContentCell("unknown", .warning),
        ]
        if let kexecCount { cells.append(ContentCell("kexec count \(kexecCount)")) }
        if version != KexecMetadataLayout.currentVersion {
            cells.append(ContentCell("metadata version \(version)", .warning))
        }
        return cells
    }
}
