import KernelABI

extension HandoverPlanner {
    /// The maximum number of folios to create for a file without any: 256 GiB of small pages.
    static let mostFoliosMade: UInt64 = 1 << 26

    /// The size in bytes of the contents given in a document; `nil` if none are given.
    mutating func length(of contents: FileContents.Source?, _ path: DocumentPath) -> UInt64? {
        switch contents {
        case nil: return nil
        case .text(let text): return UInt64(text.utf8.count)
        case .bytes(let bytes): return UInt64(bytes.count)
        case .file(let name):
            do throws(FileError) {
                return try sizeOfFile(name)
            } catch {
                reportUnbuildable(path["content"], "\(error)")
                return nil
            }
        }
    }

    /// Visits the folios of a file; creates them first if there are none yet, one per page.
    mutating func visitFolios<Visitor: AllocationVisitor>(
        _ folios: inout [FolioState]?, fileSize: UInt64, _ sizes: FolioSizes, _ path: @autoclosure () -> DocumentPath,
        _ visitor: inout Visitor
    ) {
        guard let given = folios else {
            let pages = pageSize.pages(for: fileSize)
            var made = (0..<pages).map { FolioState(pfn: 0, flags: FolioLayout.preservedFlags, index: $0) }
            guard pages == 0 || assignFolios(&made, order: 0, path(), &visitor) else { return }
            visit(made, fileSize: fileSize, order: 0, sizes, path(), &visitor)
            folios = made
            return
        }
        visit(given, fileSize: fileSize, order: nil, sizes, path(), &visitor)
    }

    /// Assigns frames to the folios of a file, all of the same order, in one run, as a kernel fills its holes.
    @discardableResult
    mutating func assignFolios<Visitor: AllocationVisitor>(
        _ folios: inout [FolioState], order: Int, _ path: @autoclosure () -> DocumentPath, _ visitor: inout Visitor
    ) -> Bool {
        var start: PhysicalAddress?
        var allocation = Allocation.pages(
            for: UInt64(folios.count) << UInt64(order + pageSize.shift), pageSize)
        allocation.alignment = UInt64(pageSize.bytes) << UInt64(order)
        allocation.preservation = .none
        visitor.visit(&start, allocation, path(), by: &self)
        guard let start else { return false }
        let first = start.rawValue >> UInt64(pageSize.shift)
        for index in folios.indices { folios[index].pfn = first + UInt64(index) << UInt64(order) }
        return true
    }

    /// Visits the folios of a file.
    ///
    /// - Parameter order: The order of all of them; `nil` to derive it from their positions.
    mutating func visit<Visitor: AllocationVisitor>(
        _ folios: [FolioState], fileSize: UInt64, order: Int?, _ sizes: FolioSizes,
        _ path: @autoclosure () -> DocumentPath, _ visitor: inout Visitor
    ) {
        let pages = pageSize.pages(for: fileSize)
        for (index, folio) in folios.enumerated() where folio.pfn != 0 {
            let order = order ?? sizes.order(of: index, in: folios, filePages: pages)
            var address: PhysicalAddress? = PhysicalAddress(folio.pfn << UInt64(pageSize.shift))
            visitor.visit(&address, .folio(order: order, pageSize), path()[index]["pfn"], by: &self)
        }
    }
}
