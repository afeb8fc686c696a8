import KernelABI

/// The layout of an ELF core written by ``ELFCoreWriter``.
struct ELFCoreLayout {
    /// The contents of one `PT_LOAD`.
    struct Segment: MemoryExtent {
        var start: PhysicalAddress
        /// The number of bytes in the file; the rest of the memory is zero.
        var stored: UInt64
        var size: UInt64
        /// The offset of the bytes in the file.
        var offset: UInt64 = 0

        var range: Range<PhysicalAddress> { start..<PhysicalAddress(start.rawValue + size) }
    }

    /// In ascending order.
    private(set) var segments: [Segment]
    /// Everything before the first page.
    private(set) var headers: [UInt8] = []
    /// The size of the file in bytes.
    private(set) var fileSize: UInt64

    init(
        regions: [Range<PhysicalAddress>], stored: [Range<PhysicalAddress>], machine: Machine?, alignment: UInt64,
        vmcoreinfo note: [UInt8]
    ) {
        segments = Self.segments(of: regions, stored: mergeAdjacent(stored))
        let count = segments.count + 1
        let isExtended = count >= Int(ELF.extendedNumbering)
        let tableEnd = UInt64(ELFHeader.size + count * ELFProgramHeader.size)
        let noteOffset = tableEnd + (isExtended ? UInt64(ELFSectionHeader.size) : 0)

        headers.reserveCapacity(Int(noteOffset) + note.count)
        ELFHeader(
            type: ELF.typeCore, machine: machine?.elfMachine ?? ELF.noMachine,
            programHeaderOffset: UInt64(ELFHeader.size),
            sectionHeaderOffset: isExtended ? tableEnd : 0, programHeaderSize: UInt16(ELFProgramHeader.size),
            programHeaderCount: isExtended ? ELF.extendedNumbering : UInt16(count),
            sectionHeaderSize: isExtended ? UInt16(ELFSectionHeader.size) : 0,
            sectionHeaderCount: isExtended ? 1 : 0
        ).append(to: &headers)
        ELFProgramHeader(
            type: ELF.segmentNote, flags: 0, offset: noteOffset, virtualAddress: 0, physicalAddress: 0,
            fileSize: UInt64(note.count), memorySize: 0, alignment: 4
        ).append(to: &headers)

        fileSize = noteOffset + UInt64(note.count)
        for index in segments.indices {
            let segment = segments[index]
            let offset = (fileSize + alignment - 1) / alignment * alignment
            ELFProgramHeader(
                type: ELF.segmentLoad, flags: ELF.readable, offset: offset, virtualAddress: 0,
                physicalAddress: segment.start.rawValue, fileSize: segment.stored, memorySize: segment.size,
                alignment: alignment
            ).append(to: &headers)
            segments[index].offset = offset
            if segment.stored > 0 { fileSize = offset + segment.stored }
        }
        if isExtended { ELFSectionHeader.append(programHeaderCount: UInt32(count), to: &headers) }
        headers += note
    }

    /// The file offset of the stored byte at `address`.
    func offset(of address: PhysicalAddress) -> UInt64? {
        let index = segments.partitioningIndex { $0.range.upperBound > address }
        guard index < segments.count, segments[index].start <= address else { return nil }
        let distance = address.rawValue - segments[index].start.rawValue
        return distance < segments[index].stored ? segments[index].offset + distance : nil
    }

    private static func segments(
        of regions: [Range<PhysicalAddress>], stored: [Range<PhysicalAddress>]
    ) -> [Segment] {
        var next = 0
        var segments: [Segment] = []
        for region in regions {
            var position = region.lowerBound
            while position < region.upperBound {
                while next < stored.count, stored[next].upperBound <= position { next += 1 }
                let extent = next < stored.count ? stored[next].clamped(to: position..<region.upperBound) : nil
                guard let extent, !extent.isEmpty else {
                    extend(&segments, from: position, to: region.upperBound)
                    break
                }
                extend(&segments, from: position, to: extent.lowerBound)
                let size = extent.upperBound.rawValue - extent.lowerBound.rawValue
                segments.append(Segment(start: extent.lowerBound, stored: size, size: size))
                position = extent.upperBound
            }
        }
        return segments
    }

    /// Adds zeros, extending the last segment if it ends there.
    private static func extend(_ segments: inout [Segment], from start: PhysicalAddress, to end: PhysicalAddress) {
        guard start < end else { return }
        let size = end.rawValue - start.rawValue
        if let last = segments.last, last.start.rawValue + last.size == start.rawValue {
            segments[segments.count - 1].size += size
        } else {
            segments.append(Segment(start: start, stored: 0, size: size))
        }
    }
}
