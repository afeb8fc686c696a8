import KernelABI

extension InputKind {
    static let luoRecord = InputKind(
        name: "luo", summary: "a raw luo_ser",
        refusal: .file { source, file in
            let bytes = source.prefix(PageSize.kib4.bytes)
            guard let layout = LUOLayout(ofBlob: bytes, among: Generation.known) else { return "no kernel has one" }
            guard bytes.count >= layout.structure.size else {
                return "it has \(file.count) bytes, fewer than the \(layout.structure.size) of a luo_ser"
            }
            let compatible = layout.compatible.read(bytes.span.bytes)
            return compatible.bytes.starts(with: LUOLayout.compatiblePrefix.utf8)
                ? nil : "compatible is \(compatible.quoted), not \"\(LUOLayout.compatiblePrefix)…\""
        },
        read: { source, context throws(InputError) in
            var bytes = source.prefix(PageSize.kib4.bytes)
            let generations = context.options.generation.map { [$0] } ?? context.options.generations ?? Generation.known
            if let layout = LUOLayout(ofBlob: bytes, among: generations) {
                bytes = Array(bytes.prefix(layout.structure.size))
            }
            let blob = HandoverDocument.Blob(name: "LUO", bytes: bytes)
            return [
                try context.read(blob, of: source, kind: "luo") { reader throws(Finding) in
                    try reader.read(subtree: blob.name, bytes)
                }
            ]
        })

    static let flbs = InputKind(
        name: "flb", summary: "a raw page of FLB records",
        refusal: .file { source, file in
            let header = FLBHeaderLayout.layout
            guard let record = Generation.latest.luo?.flbs?.record else { return "no kernel has FLBs" }
            let limit = PageSize.kib64.bytes
            guard file.count <= UInt64(limit) else { return "it has \(file.count) bytes, more than any page" }
            let bytes = source.prefix(limit)
            let span = bytes.span.bytes
            guard header.structure.fits(in: span) else {
                return "it has \(bytes.count) bytes, fewer than the \(header.structure.size) of the header"
            }
            let pages = header.pageCount.read(span)
            guard pages == 1 else { return "pgcnt is \(pages), not 1" }
            let count = header.count.read(span)
            let room = (bytes.count - header.structure.size) / record.structure.size
            guard count <= UInt64(room) else { return "count is \(count), but there is only room for \(room)" }
            for index in 0..<Int(count) {
                let base = header.structure.size + index * record.structure.size
                let name = record.name.read(span, at: base)
                guard name.isTerminated, !name.bytes.isEmpty else {
                    return "the name of record \(index) is \(name.quoted)"
                }
            }
            return nil
        },
        read: { source, context throws(InputError) in
            let bytes = source.prefix(PageSize.kib64.bytes)
            let blob = HandoverDocument.Blob(name: "flb", bytes: bytes)
            return [
                try context.read(blob, of: source, kind: "flb") { reader throws(Finding) in
                    try reader.read(flbs: bytes)
                }
            ]
        })
}

extension InputContext {
    /// Reads a standalone blob, using any memory that accompanies it.
    func read(
        _ blob: HandoverDocument.Blob, of source: InputSource, kind: String,
        _ read: (HandoverReader) throws(Finding) -> Reading
    ) throws(InputError) -> HandoverDocument {
        let memory: any PhysicalMemory = self.memory?.memory ?? EmptyMemory()
        do throws(Finding) {
            var reading = try withBestPageSize(in: memory, read)
            reading.findings = (self.memory?.findings ?? []) + reading.findings
            return HandoverDocument(reading, memory: memory, blobs: [blob])
        } catch {
            throw .noHandover(path: source.path, kind: kind, error, besides: [])
        }
    }
}
