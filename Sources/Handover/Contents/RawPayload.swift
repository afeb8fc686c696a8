import KernelABI

/// The payload of a handler or FLB of an unknown kind: the preserved block that contains the address in its handle.
struct RawPayload: DocumentObject {
    /// The address of the block.
    var address: PhysicalAddress?
    /// The base-2 logarithm of its number of pages.
    var order: UInt8 = 0
    /// Its bytes without trailing zeros.
    var bytes: [UInt8] = []

    package static let form = ObjectForm<RawPayload>(
        "rawPayload", "a preserved block of unknown content", compact: true,
        [
            .ifKnown("pa", { $0.address }, { $0.address = $1 }, "the address of the block"),
            .always("order", { $0.order }, { $0.order = $1 }, NumberCodec<UInt8>(), "it has 2^order pages"),
            .always("base64", { $0.bytes }, { $0.bytes = $1 }, BytesCodec(), "its bytes; the rest is zero"),
        ])

    /// The size of the largest block whose bytes are kept.
    private static let largest = 1 << 20
    /// The largest order of a block that can be built.
    private static let largestOrder: UInt8 = 20

    /// ``order``, limited to what a block can have.
    private var blockOrder: Int { Int(min(order, Self.largestOrder)) }

    /// Reads the preserved block that contains `handle`; `nil` if there is none.
    static func read(
        _ handle: UInt64, owner: Owner, _ context: ReadingContext, _ log: inout ReadingLog
    ) -> RawPayload? {
        // A damaged map can contain blocks of impossible size.
        guard let block = context.preserved?.block(containing: PhysicalAddress(handle)), block.order <= largestOrder
        else { return nil }
        let size = context.pageSize.bytes << block.order
        guard size <= largest, log.visit(block.address, as: .rawPayload), log.spend(UInt64(size)),
            var bytes = context.memory.copy(at: block.address, count: size)
        else { return nil }
        let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        bytes.removeLast(bytes.count - end)
        var payload = RawPayload()
        payload.address = block.address
        payload.order = UInt8(block.order)
        payload.bytes = bytes
        log.add(.rawPayload, .opaque, at: block.address, size, of: owner)
        return payload
    }
}

extension RawPayload: CodedContent {
    static let places: Set<ContentPlace> = [.file, .flb]
    static let key = "raw"

    static func kinds(of generation: Generation) -> [any ContentKind] { [] }

    var title: String { "unknown" }

    var cells: [ContentCell] {
        [ContentCell("unknown payload", .faint), ContentCell("a preserved block of 2^\(order) pages")]
    }

    mutating func complete(name: inout KernelString?, by planner: inout HandoverPlanner, _ path: DocumentPath) {
        let path = path[Self.key]
        if order > Self.largestOrder {
            planner.reportUnbuildable(path["order"], "\(order); the largest order is \(Self.largestOrder)")
        } else if bytes.count > planner.pageSize.bytes << Int(order) {
            planner.reportUnbuildable(path["base64"], "\(bytes.count) bytes do not fit into 2^\(order) pages")
        }
    }

    mutating func visitAllocations<Visitor: AllocationVisitor>(
        handle: inout UInt64?, _ sizes: FolioSizes, _ path: DocumentPath, by planner: inout HandoverPlanner,
        _ visitor: inout Visitor
    ) {
        visitor.visit(&address, .folio(order: blockOrder, planner.pageSize), path[Self.key]["pa"], by: &planner)
        handle = handle ?? address?.rawValue
    }

    func write<Destination: PieceDestination>(
        handle: UInt64, name: KernelString?, owner: Owner, path: String, to writer: inout ImageWriter<Destination>
    ) throws(WriteError) {
        try writer.place(
            bytes.count, at: address, byteCount: writer.pageSize.bytes << blockOrder, role: .rawPayload,
            form: .opaque, owner: owner, path: path
        ) { $0 = bytes }
    }
}

extension Extent.Role {
    /// A preserved block of an unknown kind.
    static let rawPayload = Self("raw-payload", isMetadata: false)
}
