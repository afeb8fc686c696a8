import KernelABI

extension Reading {
    /// The state plus all bytes of the handover's own pages that the state does not account for.
    ///
    /// Building a document of this state reproduces the memory that it was read from, in every page that describes the
    /// handover: FDTs up to their `totalsize`, blobs up to their size, all others to the end of the page. Returns
    /// ``state`` unchanged if there is no memory.
    ///
    /// - Parameter memory: The memory that the handover was read from.
    public func exactState(in memory: any PhysicalMemory) -> HandoverState {
        guard !memory.regions.isEmpty else { return state }
        // If nothing can be built from the state, everything is residue.
        let finder = compare(with: memory) ?? ResidueFinder(memory: memory)
        var exact = state
        // A known blob with unknown parts is stored as bytes.
        for index in (state.kho?.subtrees ?? []).indices {
            guard let subtree = state.kho?.subtrees?[index], subtree.data == nil, let address = subtree.address
            else { continue }
            exact.kho?.subtrees?[index].data = finder.otherTrees[address]
        }
        let residue = finder.residue(of: extents)
        exact.residue = residue.isEmpty ? nil : residue
        return exact
    }

    /// Compares what would be built from the state with the memory; `nil` if nothing can be built.
    private func compare(with memory: any PhysicalMemory) -> ResidueFinder? {
        var state = state
        state.forgetUnsaid()
        // A state that was read completely needs no planning.
        if let finder = Self.compare(state, with: memory) { return finder }
        state.decideFolios()
        var options = HandoverPlanner.Options()
        options.force = true
        let planned = try? HandoverPlanner.plan(state, options: options, sizeOfFile: { _ throws(FileError) in 0 })
        return planned.flatMap { Self.compare($0, with: memory) }
    }

    private static func compare(_ state: HandoverState, with memory: any PhysicalMemory) -> ResidueFinder? {
        do throws(WriteError) {
            var writer = try ImageWriter(of: state, to: ResidueFinder(memory: memory))
            try writer.writeMetadata()
            return writer.destination
        } catch {
            return nil
        }
    }
}

/// Finds the bytes of memory that differ from what would be written.
private struct ResidueFinder: PieceDestination {
    let memory: any PhysicalMemory
    /// FDT subtrees of known kinds that differ from what would be built.
    private(set) var otherTrees: [PhysicalAddress: [UInt8]] = [:]
    private var differences: [ResidueState] = []
    /// The pieces that were visited.
    private var seen = VisitedPlaces()
    /// A buffer for the current piece.
    private var bytes: [UInt8] = []

    init(memory: any PhysicalMemory) {
        self.memory = memory
    }

    mutating func take(
        _ extent: Extent, count: Int, _ fill: (inout [UInt8]) throws(WriteError) -> Void
    ) throws(WriteError) {
        try bytes.refill(count, fill)
        _ = seen.insert(extent.address, as: extent.role)
        let isEqual = try? memory.withBytes(at: extent.address, count: extent.byteCount) { $0.equals(bytes) }
        guard isEqual == false, let found = memory.copy(at: extent.address, count: extent.byteCount) else { return }
        if extent.role == .subtree, extent.form == .tree {
            otherTrees[extent.address] = found
        } else {
            differences += Self.differences(found, bytes, at: extent.address)
        }
    }

    /// The bytes that the state does not account for, by address.
    ///
    /// - Parameter extents: The pieces that were read; those that would not be built are residue as a whole.
    consuming func residue(of extents: [Extent]) -> [ResidueState] {
        for extent in extents where extent.role.isMetadata && seen.insert(extent.address, as: extent.role) {
            guard let found = memory.copy(at: extent.address, count: extent.byteCount) else { continue }
            differences += Self.differences(found, [], at: extent.address)
        }
        return differences.sorted { $0.address < $1.address }
    }

    /// The runs of bytes in which `found` differs from `made`, which is padded with zeros; merges runs that are close
    /// together.
    private static func differences(
        _ found: [UInt8], _ made: [UInt8], at address: PhysicalAddress
    ) -> [ResidueState] {
        var runs: [Range<Int>] = []
        for index in found.indices where found[index] != (index < made.count ? made[index] : 0) {
            if let last = runs.last, index - last.upperBound < 16 {
                runs[runs.count - 1] = last.lowerBound..<index + 1
            } else {
                runs.append(index..<index + 1)
            }
        }
        return runs.compactMap { run in
            address.advanced(by: UInt64(run.lowerBound)).map {
                ResidueState(address: $0, data: Array(found[run]))
            }
        }
    }
}

extension HandoverState {
    /// Removes contents whose folios could not be read: the planner would create as many folios as their sizes imply.
    fileprivate mutating func decideFolios() {
        for session in (luo?.sessions ?? []).indices {
            for file in (luo?.sessions?[session].files ?? []).indices {
                guard luo?.sessions?[session].files?[file].hasContent ?? false else { continue }
                luo?.sessions?[session].files?[file].content?.forgetUnread()
            }
        }
    }

    /// Zeroes bytes of contents that a document does not represent.
    fileprivate mutating func forgetUnsaid() {
        for index in (kho?.subtrees ?? []).indices where kho?.subtrees?[index].content is Payload {
            kho?.subtrees?[index].content?.forgetUnsaid()
        }
        for index in (luo?.flbs ?? []).indices where luo?.flbs?[index].content is Payload {
            luo?.flbs?[index].content?.forgetUnsaid()
        }
        for session in (luo?.sessions ?? []).indices {
            let files = luo?.sessions?[session].files ?? []
            files.forEachPayload { file, _, _ in luo?.sessions?[session].files?[file].content?.forgetUnsaid() }
        }
    }
}
