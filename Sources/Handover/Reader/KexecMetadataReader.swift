import KernelABI

/// Reads the blob that names the previous kernel.
struct KexecMetadataReader {
    let abi: Generation.KexecMetadataBlob

    func read(_ blob: [UInt8], at address: PhysicalAddress?, _ log: inout ReadingLog) -> KexecMetadataState? {
        let layout = KexecMetadataLayout.layout
        let place = Place(layout.structure, at: address)
        let owner = Owner.subtree(abi.subtree)
        guard blob.count >= layout.structure.size else {
            log.report(
                Finding(
                    .size, of: owner, at: place, found: "\(blob.count) bytes", expected: "\(layout.structure.size)"))
            return nil
        }
        let bytes = blob.span.bytes
        var state = KexecMetadataState()
        state.version = layout.version.read(bytes)
        guard state.version == abi.version else {
            log.report(
                Finding(
                    .compatible, of: owner, at: place.field(layout.version), found: "\(state.version)",
                    expected: "\(abi.version)"))
            return nil
        }
        let release: KernelString = layout.previousRelease.read(bytes)
        if !release.isTerminated {
            log.report(
                Finding(
                    .termination, of: owner, at: place.field(layout.previousRelease),
                    found: release.named, expected: "a NUL"))
        }
        state.previousRelease = release
        state.kexecCount = layout.kexecCount.read(bytes)
        return state
    }
}
