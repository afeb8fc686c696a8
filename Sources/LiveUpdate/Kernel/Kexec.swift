import Handover
import KernelABI
import SystemPackage

/// The reason why a kernel did not hand over.
public enum KexecError: Error, Hashable, Sendable {
    /// A file could not be frozen, or the kernel has ended: the error from `reboot(2)`.
    case refused(Errno)
    /// The state cannot be written.
    case plan(PlanError)
    case write(WriteError)
}

extension Kernel {
    /// Hands over: freezes all files, serializes sessions and FLBs, and leaves memory for the next kernel.
    ///
    /// Mirrors `liveupdate_reboot` and what follows it. If it throws, nothing has changed and the kernel continues; if
    /// it returns, the kernel has ended, and all calls to it throw `ESHUTDOWN`.
    public func kexec() throws(KexecError) -> HandedOver {
        try ending { () throws(KexecError) in
            let outgoing = hasLiveUpdate ? sessions.outgoing : []
            try freeze(outgoing)
            do throws(KexecError) {
                let handedOver = try layOut(state(of: outgoing))
                return handedOver
            } catch {
                for files in outgoing.reversed() { files.unfreeze(memory) }
                throw error
            }
        }
    }

    /// Freezes sessions in order; if one refuses, unfreezes those before it in reverse order.
    private func freeze(_ outgoing: [OutgoingFiles]) throws(KexecError) {
        for (index, files) in outgoing.enumerated() {
            do throws(Errno) {
                try files.freeze(memory)
            } catch {
                for frozen in outgoing[..<index].reversed() { frozen.unfreeze(memory) }
                throw .refused(error)
            }
        }
    }

    private func state(of outgoing: [OutgoingFiles]) -> HandoverState {
        var state = HandoverState()
        state.kernel = configuration.release
        state.pageSize = configuration.pageSize
        if hasLiveUpdate, let abi = configuration.generation.luo {
            var luo = LUOState()
            luo.liveUpdateNumber = liveUpdateNumber + 1
            luo.sessions = outgoing.map { $0.record(abi) }
            luo.blocks = sessions.blocksWithEmptyOnes
            luo.flbs = abi.flbs.map { flbStates($0.record) }
            state.luo = luo
        } else {
            // If subtrees are given, no others are added.
            state.kho = KHOState()
            state.kho?.subtrees = []
        }
        if configuration.generation.kexecMetadata != nil {
            var metadata = KexecMetadataState()
            metadata.previousRelease = KernelString(
                configuration.release, cutTo: KexecMetadataLayout.layout.previousRelease)
            metadata.kexecCount = (adoption.state?.kexecMetadata?.kexecCount ?? 0) &+ 1
            state.kexecMetadata = metadata
        }
        var preserved = PreservedState()
        preserved.ranges = memory.preservedBlocks.map(memory.range(of:))
        state.preserved = preserved
        return state
    }

    /// The records of all FLBs with dependent files, in registration order. Mirrors `luo_flb_serialize`.
    private func flbStates(_ layout: FLBLayout) -> [FLBState] {
        registry.flbs.compactMap { flb in
            let outgoing = flb.outgoing.current
            guard let count = outgoing.count.recorded else { return nil }
            var state = FLBState()
            state.name = KernelString(flb.name, cutTo: layout.name)
            state.data = outgoing.preserved?.data ?? 0
            state.count = count
            return state
        }
    }

    private func layOut(_ state: HandoverState) throws(KexecError) -> HandedOver {
        var options = HandoverPlanner.Options()
        options.base = KHOMemory.defaultRange.lowerBound
        // A kernel writes what it was given, valid or not: an empty name, for example.
        options.force = true
        let plan: HandoverState
        do throws(PlanError) {
            plan = try HandoverPlanner.plan(state, options: options) { _ throws(FileError) in 0 }
        } catch {
            throw .plan(error)
        }
        do throws(WriteError) {
            let image = try HandoverImage(of: plan) { _ throws(FileError) in MappedFile(bytes: [], name: "") }
            var pages = image.memory
            memory.copyPreserved(to: &pages)
            let capture = Capture(image.state, extents: image.extents + extents(besides: image), memory: pages)
            return HandedOver(memory: pages, rootAddress: image.rootAddress, capture: capture)
        } catch {
            throw .write(error)
        }
    }

    /// The memory that FLBs and handlers have preserved for themselves.
    private func extents(besides image: HandoverImage) -> [Extent] {
        let known = Set(image.extents.map(\.address))
        let contents = image.extents.filter { $0.role == .contents }.map(\.range)
            .sorted { $0.lowerBound < $1.lowerBound }
        return memory.preservedBlocks.compactMap { block in
            let next = contents.partitioningIndex { $0.upperBound > block.address }
            let isInContents = next < contents.count && contents[next].contains(block.address)
            guard !known.contains(block.address), !isInContents else { return nil }
            return Extent(
                address: block.address, byteCount: memory.pageSize.bytes << block.order, role: .contents,
                form: .opaque, owner: .preservedBesides)
        }
    }
}
