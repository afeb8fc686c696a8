import KernelABI

/// Extents that can be looked up by address; ascending and disjoint.
///
/// A core can have many thousands, and there is a lookup for each structure. The span of all extents is divided into as
/// many equal parts as there are extents, and the first extent of each part is known, so there is little left to
/// search.
struct ExtentTable<Element: MemoryExtent & Sendable>: Sendable {
    private let extents: [Element]
    private var start: UInt64 = 0
    /// The length of a part as a power of two.
    private var shift: UInt64 = 0
    /// For each part, and for what follows the last: the index of the first extent that ends after its start.
    private var firsts = [0, 0]

    init(_ extents: [Element]) {
        self.extents = extents
        guard let first = extents.first, let last = extents.last else { return }
        start = first.range.lowerBound.rawValue
        let length = last.range.upperBound.rawValue - start
        guard length > 0 else { return }
        while (length - 1) >> shift >= extents.count { shift += 1 }
        firsts = []
        firsts.reserveCapacity(Int((length - 1) >> shift) + 2)
        var index = 0
        for part in 0...(length - 1) >> shift {
            while extents[index].range.upperBound.rawValue - start <= part << shift { index += 1 }
            firsts.append(index)
        }
        firsts.append(extents.count)
    }

    /// The index of the first extent that ends after `address`; the number of extents if none does.
    func firstIndex(endingBehind address: PhysicalAddress) -> Int {
        guard address.rawValue > start else { return 0 }
        let part = (address.rawValue - start) >> shift
        guard part < UInt64(firsts.count - 1) else { return extents.count }
        return extents[firsts[Int(part)]..<firsts[Int(part) + 1]].partitioningIndex { $0.range.upperBound > address }
    }

    /// The indices of the extents that together cover `wanted`, which is not empty; `nil` if they do not.
    func indices(covering wanted: Range<PhysicalAddress>) -> Range<Int>? {
        let first = firstIndex(endingBehind: wanted.lowerBound)
        var index = first
        var position = wanted.lowerBound
        while position < wanted.upperBound {
            guard index < extents.count, extents[index].range.lowerBound <= position else { return nil }
            position = extents[index].range.upperBound
            index += 1
        }
        return first..<index
    }
}

extension ExtentTable: RandomAccessCollection {
    var startIndex: Int { extents.startIndex }
    var endIndex: Int { extents.endIndex }
    subscript(index: Int) -> Element { extents[index] }
}
