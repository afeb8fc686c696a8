import KernelABI

extension Reading {
    /// The state, and with it every byte of the handover's own pages that the state does not account for.
    ///
    /// What a document of this state is built into equals the memory that it was read from, in every page that
    /// describes the handover: FDTs to their `totalsize`, blobs to their size, all others to the end of the page.
    ///
    /// - Parameter memory: what the handover was read from.
    public func exactState(in memory: any PhysicalMemory) -> HandoverState {
        guard !memory.regions.isEmpty, let planned = plan(state) else { return state }
        var exact = state
        // A known blob with something unknown in it travels as bytes.
        for index in (state.kho?.subtrees ?? []).indices where state.kho?.subtrees?[index].data == nil {
            guard let address = state.kho?.subtrees?[index].address, let size = state.kho?.subtrees?[index].size,
                let count = Int(exactly: size), let found = bytes(at: address, count: count, in: memory)
            else { continue }
            let made = self.bytes(at: address, count: count, in: planned.memory)
            if made != found, extent(at: address, role: .subtree, in: planned)?.form == .tree {
                exact.kho?.subtrees?[index].data = found
            }
        }
        guard let image = exact == state ? planned : plan(exact) else { return exact }
        var residue: [ResidueState] = []
        for extent in extents where extent.role.isMetadata {
            guard let found = bytes(at: extent.address, count: extent.byteCount, in: memory) else { continue }
            let made =
                bytes(at: extent.address, count: extent.byteCount, in: image.memory)
                ?? [UInt8](repeating: 0, count: found.count)
            residue += Self.differences(found, made, at: extent.address)
        }
        exact.residue = residue.isEmpty ? nil : residue
        return exact
    }

    private func plan(_ state: HandoverState) -> HandoverImage? {
        var state = state
        state.decideFolios()
        var options = HandoverPlanner.Options()
        options.force = true
        guard
            let planned = try? HandoverPlanner.plan(
                state, options: options, sizeOfFile: { _ throws(FileError) in 0 })
        else { return nil }
        return try? HandoverImage(metadataOf: planned)
    }

    private func extent(at address: PhysicalAddress, role: Extent.Role, in image: HandoverImage) -> Extent? {
        image.extents.first { $0.address == address && $0.role == role }
    }

    private func bytes(at address: PhysicalAddress, count: Int, in memory: any PhysicalMemory) -> [UInt8]? {
        do throws(MemoryError) {
            return try memory.withBytes(at: address, count: count) { bytes in
                var copy: [UInt8] = []
                copy.append(copying: bytes)
                return copy
            }
        } catch {
            return nil
        }
    }

    /// The runs of bytes in which `found` differs; runs that are close together are one.
    private static func differences(
        _ found: [UInt8], _ made: [UInt8], at address: PhysicalAddress
    ) -> [ResidueState] {
        guard found != made else { return [] }
        var runs: [Range<Int>] = []
        for index in found.indices where found[index] != made[index] {
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
    /// Leaves memfds whose folios could not be read without any: the planner would make up as many as their sizes say.
    fileprivate mutating func decideFolios() {
        for session in (luo?.sessions ?? []).indices {
            for file in (luo?.sessions?[session].files ?? []).indices {
                guard let memfd = luo?.sessions?[session].files?[file].memfd, memfd.folios == nil else { continue }
                luo?.sessions?[session].files?[file].memfd?.folios = []
            }
        }
    }
}
