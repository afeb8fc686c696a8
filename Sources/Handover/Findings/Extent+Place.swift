import KernelABI

extension Extent {
    /// The structure and field at `address`, which lies in the extent, named as in the hex form.
    func place(of address: PhysicalAddress) -> Place {
        let offset = Int(clamping: address.rawValue - self.address.rawValue)
        switch form {
        case .structure(let structure) where offset < structure.size:
            return Place(structure.name, field: structure.path(at: offset), at: address)
        case .records(let header?, _, _) where offset < header.size:
            return Place(header.name, field: header.path(at: offset), at: address)
        case .records(let header, let record, let count):
            let base = offset - (header?.size ?? 0)
            guard base / record.size < count else { break }
            return Place(
                "\(record.name)[\(base / record.size)]", field: record.path(at: base % record.size), at: address)
        case .slice(let record, let start, let count) where offset < count:
            let (index, inner) = (start + offset).quotientAndRemainder(dividingBy: record.size)
            return Place("\(record.name)[\(index)]", field: record.path(at: inner), at: address)
        case .tree where role == .root: return Place(Place.rootName, at: address)
        case .structure, .slice, .tree, .opaque: break
        }
        return Place("\(role.name) of \(owner)", at: address)
    }

    /// The extent rounded to whole pages.
    func pages(of pageSize: PageSize) -> Range<PhysicalAddress> {
        let mask = UInt64(pageSize.bytes - 1)
        let start = range.lowerBound.rawValue & ~mask
        let (end, overflow) = range.upperBound.rawValue.addingReportingOverflow(mask)
        return PhysicalAddress(start)..<PhysicalAddress(overflow ? .max : end & ~mask)
    }
}

extension [Extent] {
    /// What is at `address`; only the address if no piece contains it.
    func place(of address: PhysicalAddress) -> Place {
        first { $0.range.contains(address) }?.place(of: address) ?? Place("memory", at: address)
    }
}

extension StructureDescription {
    /// The path of the field that contains the byte at `offset`; `nil` for padding.
    fileprivate func path(at offset: Int) -> String? {
        guard let field = fields.last(where: { $0.offset <= offset && offset < $0.offset + $0.size }) else {
            return nil
        }
        let inner = offset - field.offset
        let size = field.count.map { $0 > 0 ? field.size / $0 : field.size } ?? field.size
        let index = field.count != nil && field.meaning != .string && size > 0 ? "[\(inner / size)]" : ""
        let nested = field.nested.flatMap { size > 0 ? $0.description.path(at: inner % size) : nil }
        return field.name + index + (nested.map { ".\($0)" } ?? "")
    }
}
