import KernelABI

/// Reads the blob that names the previous kernel.
struct KexecMetadataReader {
    let abi: Generation.KexecMetadataBlob

    func read(_ blob: [UInt8], at address: PhysicalAddress?, _ log: inout ReadingLog) -> KexecMetadataState? {
        let layout = KexecMetadataLayout.layout
        let name = layout.structure.name
        guard blob.count >= layout.structure.size else {
            log.report(
                Finding(
                    structure: name, address: address, found: "\(blob.count) bytes",
                    expected: "\(layout.structure.size)"))
            return nil
        }
        let bytes = blob.span.bytes
        var state = KexecMetadataState()
        state.version = layout.version.read(bytes)
        guard state.version == abi.version else {
            log.report(
                Finding(
                    structure: name, field: layout.version.name, address: address, found: "\(state.version)",
                    expected: "\(abi.version)"))
            return nil
        }
        let release: KernelString = layout.previousRelease.read(bytes)
        if !release.isTerminated {
            log.report(
                Finding(
                    structure: name, field: layout.previousRelease.name, address: address,
                    found: "\(release.quoted) without a NUL", expected: "a NUL"))
        }
        state.previousRelease = release
        state.kexecCount = layout.kexecCount.read(bytes)
        return state
    }
}
