import FDT
import KernelABI

/// LUO's state as a kernel reads it.
struct ReceivedLUO: Sendable {
    private let abi: Generation.LUOState
    let address: PhysicalAddress
    let size: UInt64?
    /// Whether the first bytes of the state are at hand.
    let isAtHand: Bool
    /// Whether the kernel takes it for its own.
    private(set) var isCompatible = false
    private(set) var compatible: KernelString?
    private(set) var number: UInt64?
    /// The FDT, where LUO's state is one.
    private(set) var tree: ReceivedTree?
    private(set) var sessionsAddress: PhysicalAddress?
    private(set) var flbAddress: PhysicalAddress?
    private(set) var sessionRecords: ReceivedRecords?
    private(set) var sessions: [ReceivedSession] = []
    private(set) var flbs: ReceivedFLBs?

    /// What the readers of memfds had to say.
    private(set) var findings: [Finding] = []

    init(
        at address: PhysicalAddress, size: UInt64?, blob: [UInt8]?, _ abi: Generation.LUOState,
        _ context: ReadingContext, handlers: Handlers
    ) {
        self.abi = abi
        self.address = address
        self.size = size
        switch abi.form {
        case .record:
            let layout = LUOLayout.layout
            let bytes = blob ?? context.memory.copy(at: address, count: layout.structure.size)
            guard let bytes, bytes.count >= layout.structure.size, size ?? 0 >= UInt64(layout.structure.size) else {
                isAtHand = bytes != nil
                return
            }
            isAtHand = true
            let span = bytes.span.bytes
            let found = layout.compatible.read(span)
            compatible = found
            number = layout.liveUpdateNumber.read(span)
            isCompatible = found == KernelString(abi.compatible)
            guard isCompatible else { return }
            sessionsAddress = layout.sessions.read(span)
            flbAddress = layout.flbs.read(span)
        case .tree(let form):
            let total = blob.map { UInt64($0.count) } ?? Self.treeSize(at: address, context)
            let bytes = blob ?? total.flatMap { size in
                Int(exactly: size).flatMap { $0 <= InputSource.blobLimit ? context.memory.copy(at: address, count: $0) : nil }
            }
            guard let bytes else {
                isAtHand = false
                return
            }
            isAtHand = true
            let tree = ReceivedTree(bytes, at: address)
            self.tree = tree
            isCompatible = tree.root?.isCompatible(with: abi.compatible) ?? false
            number = tree.root?.number(form.numberProperty)
            sessionsAddress = tree.root?.child(form.sessions.name)?.number(form.sessions.addressProperty)
                .map(PhysicalAddress.init(_:))
            flbAddress = form.flbs.flatMap { tree.root?.child($0.name)?.number($0.addressProperty) }
                .map(PhysicalAddress.init(_:))
        }
        readSessions(abi, context, handlers)
        if let flbAddress, flbAddress.rawValue != 0, let container = abi.flbs {
            flbs = ReceivedFLBs(at: flbAddress, container, context)
        }
    }

    /// Where the number of live updates is.
    var numberPlace: Place {
        guard let tree, case .tree(let form) = abi.form else {
            return Place(LUOLayout.layout.structure, at: address).field(LUOLayout.layout.liveUpdateNumber)
        }
        return tree.root?.place(abi.subtree, form.numberProperty, treeAt: address) ?? Place(abi.subtree, at: address)
    }

    private static func treeSize(at address: PhysicalAddress, _ context: ReadingContext) -> UInt64? {
        let header = try? context.memory.withBytes(at: address, count: Header.size) { Header($0) }
        return header.flatMap { $0 }.map { max(UInt64($0.totalSize), UInt64(Header.size)) }
    }

    private mutating func readSessions(_ abi: Generation.LUOState, _ context: ReadingContext, _ handlers: Handlers) {
        guard let sessionsAddress else { return }
        if case .blockChain = abi.sessions.form, sessionsAddress.rawValue == 0 { return }
        var log = ReadingLog(context: context)
        var sessions: [ReceivedSession] = []
        let records = ReceivedRecords(
            at: sessionsAddress, count: nil, abi.sessions, as: .sessions, context, &log
        ) { bytes, records, start in
            for base in records {
                sessions.append(
                    ReceivedSession(bytes, at: base, address: PhysicalAddress(start.rawValue + UInt64(base))))
            }
        }
        sessionRecords = records
        // The kernel gives up before it comes past a session.
        if let chain = records.chain, !chain.isTaken { return }
        for index in sessions.indices {
            sessions[index].readFiles(abi.files, context, handlers: handlers, &log)
        }
        self.sessions = sessions
        findings = log.findings
    }
}

extension ReceivedChain {
    /// Whether the kernel takes the chain.
    var isTaken: Bool {
        switch end {
        case .whole, .shared, .outside: true
        case .cyclic, .tooLong, .badCount: false
        }
    }
}

/// The page of FLBs as a kernel reads it.
struct ReceivedFLBs: Sendable {
    let address: PhysicalAddress
    /// `nil` where the page is not at hand.
    let count: UInt64?
    let pageCount: UInt64?
    let capacity: Int
    private(set) var flbs: [(place: Place, name: KernelString, count: UInt64)] = []

    init(at address: PhysicalAddress, _ container: RecordContainer, _ context: ReadingContext) {
        self.address = address
        capacity = container.capacity(pageSize: context.pageSize)
        let header = FLBHeaderLayout.layout
        let read = try? context.memory.withBytes(at: address, count: header.structure.size) { bytes in
            (count: header.count.read(bytes), pages: header.pageCount.read(bytes))
        }
        count = read?.count
        pageCount = read?.pages
        let layout = FLBLayout.layout
        for index in 0..<min(read?.count ?? 0, UInt64(capacity)) {
            let offset = UInt64(container.headerSize) + index * UInt64(layout.structure.size)
            guard let place = address.advanced(by: offset) else { return }
            let flb = try? context.memory.withBytes(at: place, count: layout.structure.size) { bytes in
                (place: Place(layout.structure, at: place), name: layout.name.read(bytes), count: layout.count.read(bytes))
            }
            guard let flb else { return }
            flbs.append(flb)
        }
    }
}
