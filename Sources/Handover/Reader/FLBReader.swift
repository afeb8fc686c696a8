import KernelABI

/// Reads the page of file-lifecycle-bound objects.
struct FLBReader {
    let context: ReadingContext
    let container: RecordContainer<FLBLayout>
    let generation: Generation?

    func read(at address: PhysicalAddress, into state: inout LUOState, _ log: inout ReadingLog) {
        state.flbAddress = address
        guard address.rawValue != 0 else { return }
        let layout = container.record
        var pageCount: UInt64 = 0
        var flbs: [FLBState] = []
        var places = RecordPlaces(of: layout.structure)
        var reader = RecordReader(context: context, container: container, role: .flbs, owner: .luo())
        let count = reader.readArray(
            at: address, &log, header: { pageCount = FLBHeaderLayout.layout.pageCount.read($0) },
            records: { bytes, records, address in
                places.add(records.count, at: address)
                for base in records {
                    var flb = FLBState()
                    flb.name = layout.name.read(bytes, at: base)
                    flb.data = layout.data.read(bytes, at: base)
                    flb.count = layout.count.read(bytes, at: base)
                    flb.further = layout.further(of: bytes, at: base)
                    flbs.append(flb)
                }
            })
        guard count != nil else { return }
        state.flbPageCount = pageCount
        let contents = ContentReader(context: context, place: .flb, generation: generation)
        for index in flbs.indices {
            flbs[index].content = contents.read(
                flbs[index].data, named: flbs[index].name, owner: .flb(flbs[index].name), &log)
        }
        state.flbs = flbs
        log.records.flbs = places
        for (index, flb) in flbs.enumerated() {
            log.checkTermination(of: flb.name, of: .flb(flb.name), at: places[index].field(layout.name))
        }
    }
}
