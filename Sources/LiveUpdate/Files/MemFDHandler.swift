import Handover
import KernelABI
import SystemPackage

extension FileHandler {
    /// The kernel's memfd handler, in the version that this kernel writes; `nil` if it has none.
    ///
    /// Preserves the file's pages as single-page folios, including holes, as the kernel does.
    public static func memfd(for kernel: KernelConfiguration) -> FileHandler? {
        let handlers = kernel.generation.fileHandlers
        guard let version = handlers.first(where: { $0.layout is MemFDLayout }) else { return nil }
        let hasSeals = (version.layout as? MemFDLayout)?.seals != nil
        var operations = Operations()
        operations.canPreserve = { $0 is MemFD }
        operations.preserve = { file, memory throws(Errno) in
            try MemFDPreservation(file).preserve(hasSeals: hasSeals, memory)
        }
        operations.freeze = { file, preserved, memory throws(Errno) in
            try MemFDPreservation(file).freeze(&preserved, memory)
        }
        operations.unpreserve = { file, preserved, memory in
            (file as? MemFD)?.withState { $0.isFrozen = false }
            preserved.blocks(memory.pageSize).forEach(memory.unpreserveAndFree)
        }
        operations.retrieve = { preserved, memory throws(Errno) in try preserved.retrieveMemFD(memory) }
        operations.finish = { _, preserved, status, memory in
            // If the file was retrieved, or retrieving failed, it is already cleaned up.
            if status == .notYet { preserved.discard(memory) }
        }
        if kernel.lifecycle?.fileIdentity == .inode {
            operations.identity = { file in (file as? MemFD)?.inode ?? ObjectIdentifier(file) }
        }
        return FileHandler(compatible: version.compatible, operations: operations)
    }
}

/// A memfd that is being preserved.
private struct MemFDPreservation {
    let file: MemFD

    init(_ file: any PreservableFile) throws(Errno) {
        guard let file = file as? MemFD else { throw .invalidArgument }
        self.file = file
    }

    /// Mirrors `memfd_luo_preserve`.
    ///
    /// - Throws: `EOPNOTSUPP` for unknown seals, `EFBIG` for too many folios, `ENOMEM`.
    func preserve(hasSeals: Bool, _ memory: KHOMemory) throws(Errno) -> PreservedFile {
        let (size, position, seals) = file.withState { ($0.size, $0.position, $0.seals) }
        guard seals & ~MemFDLayout.knownSeals == 0 else { throw .notSupported }
        let pages = memory.pageSize.pages(for: size)
        guard pages <= UInt64(UInt32.max) else { throw .fileTooLarge }

        let descriptor = try memory.allocatePreserved(byteCount: memory.pageSize.bytes)
        var preserved = PreservedFile(data: descriptor.address.rawValue)
        var memfd = MemFDState()
        memfd.position = position
        memfd.size = size
        memfd.seals = hasSeals ? seals : nil
        var folios: [FolioState] = []
        for index in 0..<pages {
            do throws(Errno) {
                let block = try memory.allocatePreserved(byteCount: memory.pageSize.bytes)
                let pfn = block.address.rawValue >> UInt64(memory.pageSize.shift)
                folios.append(FolioState(pfn: pfn, flags: FolioLayout.preservedFlags, index: index))
            } catch {
                memfd.folios = folios
                preserved.record.memfd = memfd
                preserved.blocks(memory.pageSize).forEach(memory.unpreserveAndFree)
                throw error
            }
        }
        memfd.folios = folios
        file.withState { $0.isFrozen = true }
        preserved.record.memfd = memfd
        return preserved
    }

    /// Mirrors `memfd_luo_freeze`. Also copies the contents to the simulated memory, as the model's files, unlike a
    /// kernel's, keep their bytes elsewhere.
    func freeze(_ preserved: inout PreservedFile, _ memory: KHOMemory) throws(Errno) {
        let (position, pages) = file.withState { ($0.position, $0.pages) }
        preserved.record.memfd?.position = position
        for folio in preserved.record.memfd?.folios ?? [] {
            guard let bytes = pages[folio.index] else { continue }
            try memory.write(bytes, to: folio.block(memory.pageSize))
        }
    }
}

extension FolioState {
    fileprivate func block(_ pageSize: PageSize) -> PageBlock {
        PageBlock(address: address(pageSize), order: 0)
    }

    fileprivate func address(_ pageSize: PageSize) -> PhysicalAddress {
        PhysicalAddress(pfn << UInt64(pageSize.shift))
    }
}

extension PreservedFile {
    /// The blocks allocated for the file: its descriptor and its pages.
    fileprivate func blocks(_ pageSize: PageSize) -> [PageBlock] {
        [PageBlock(address: PhysicalAddress(data), order: 0)] + (record.memfd?.folios ?? []).map { $0.block(pageSize) }
    }

    /// Mirrors `memfd_luo_retrieve`.
    ///
    /// - Throws: `EINVAL` if there is no descriptor, `EOPNOTSUPP` for unknown seals, `EIO` if a folio was not
    ///   preserved.
    fileprivate func retrieveMemFD(_ memory: KHOMemory) throws(Errno) -> MemFD {
        guard let memfd = record.memfd else { throw .invalidArgument }
        defer { memory.restoreAndFree(at: PhysicalAddress(data)) }
        guard (memfd.seals ?? 0) & ~MemFDLayout.knownSeals == 0 else { throw .notSupported }
        var state = MemFD.State(
            size: memfd.size ?? 0, position: memfd.position, seals: memfd.seals ?? 0, pages: [:])
        var failure: Errno?
        for folio in memfd.folios ?? [] where folio.pfn != 0 {
            // Restores all folios; those after a failed one only to free them.
            do throws(Errno) {
                let block = try memory.restore(at: folio.address(memory.pageSize))
                defer { memory.free(block) }
                guard failure == nil else { continue }
                for page in 0..<UInt64(1) << UInt64(block.order) {
                    let offset = page << UInt64(memory.pageSize.shift)
                    guard let address = block.address.advanced(by: offset) else { continue }
                    let bytes = try memory.read(at: address, count: memory.pageSize.bytes)
                    if bytes.contains(where: { $0 != 0 }) { state.pages[folio.index &+ page] = bytes }
                }
            } catch {
                failure = failure ?? .ioError
            }
        }
        freeList(memory)
        if let failure { throw failure }
        return MemFD(state, pageSize: memory.pageSize)
    }

    /// Frees what was not retrieved. Mirrors `memfd_luo_finish`.
    fileprivate func discard(_ memory: KHOMemory) {
        for folio in record.memfd?.folios ?? [] where folio.pfn != 0 {
            memory.restoreAndFree(at: folio.address(memory.pageSize))
        }
        freeList(memory)
        memory.restoreAndFree(at: PhysicalAddress(data))
    }

    /// Frees the memory of the list of folios.
    private func freeList(_ memory: KHOMemory) {
        for chunk in record.memfd?.vmalloc?.chunks ?? [] {
            chunk.pages.forEach(memory.restoreAndFree)
            if let address = chunk.address { memory.restoreAndFree(at: address) }
        }
    }
}
