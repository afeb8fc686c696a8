/// A page of bits, as in the maps of preserved memory.
public struct Bitmap: Sendable {
    /// The bits, 64 per word, with bit 0 in the least significant place; without trailing zero words. Empty if there
    /// are ``runs``.
    private var dense: [UInt64] = []
    /// The runs of adjacent set bits, ascending, if they take less space than words. For large machines most pages have
    /// few runs, and there can be many such pages.
    private var runs: [Range<UInt32>] = []

    /// The number of bits in the largest page, 64 KiB.
    static let largestBitCount = 65536 * 8

    public init() {}

    public init(words: [UInt64]) {
        dense = words
        trim()
    }

    /// Reads `count` words, at most those of the largest page.
    ///
    /// - Parameter scratch: A buffer for collecting runs, so that reading many bitmaps does not grow an array for each.
    init(wordCount count: Int, scratch: inout [Range<UInt32>], _ word: (Int) -> UInt64) {
        scratch.removeAll(keepingCapacity: true)
        Self.forEachRun(wordCount: count, word) { run in
            scratch.append(UInt32(run.lowerBound)..<UInt32(run.upperBound))
        }
        if scratch.count < count {
            runs.reserveCapacity(scratch.count)
            runs += scratch
        } else {
            dense = [UInt64](capacity: count) { words in
                for index in 0..<count { words.append(word(index)) }
            }
            trim()
        }
    }

    private mutating func trim() {
        while dense.last == 0 { dense.removeLast() }
    }

    /// The bits, 64 per word, with bit 0 in the least significant place; without trailing zero words.
    public var words: [UInt64] {
        guard !runs.isEmpty else { return dense }
        var bitmap = Bitmap()
        for run in runs { bitmap.insert(Int(run.lowerBound)..<Int(run.upperBound)) }
        return bitmap.dense
    }

    /// The number of runs of adjacent set bits.
    var runCount: Int {
        var changes = RunChanges()
        return (dense.reduce(0) { $0 + changes.next($1).nonzeroBitCount } + 1) / 2 + runs.count
    }

    /// The highest set bit.
    public var last: Int? {
        if let run = runs.last { return Int(run.upperBound) - 1 }
        return dense.last.map { dense.count * 64 - 1 - $0.leadingZeroBitCount }
    }

    public func contains(_ bit: Int) -> Bool {
        guard runs.isEmpty else {
            let next = runs.partitioningIndex { $0.upperBound > bit }
            return next < runs.count && runs[next].lowerBound <= bit
        }
        return bit >= 0 && bit / 64 < dense.count && dense[bit / 64] >> UInt64(bit % 64) & 1 != 0
    }

    /// Converts runs to words, as only words can be changed.
    private mutating func makeDense() {
        guard !runs.isEmpty else { return }
        dense = words
        runs = []
    }

    public mutating func insert(_ bit: Int) {
        makeDense()
        while dense.count <= bit / 64 { dense.append(0) }
        dense[bit / 64] |= 1 << UInt64(bit % 64)
    }

    public mutating func insert(_ bits: Range<Int>) {
        guard let last = bits.last else { return }
        makeDense()
        let missing = last / 64 + 1 - dense.count
        if missing > 0 { dense.append(contentsOf: repeatElement(0, count: missing)) }
        for index in bits.lowerBound / 64...last / 64 {
            var mask = UInt64.max
            if index == bits.lowerBound / 64 { mask <<= UInt64(bits.lowerBound % 64) }
            if index == last / 64 { mask &= .max >> UInt64(63 - last % 64) }
            dense[index] |= mask
        }
    }

    /// Calls `body` with every run of adjacent set bits, in ascending order.
    public func forEachRun(_ body: (Range<Int>) -> Void) {
        for run in runs { body(Int(run.lowerBound)..<Int(run.upperBound)) }
        Self.forEachRun(wordCount: dense.count, { dense[$0] }, body)
    }

    @inline(__always)
    private static func forEachRun(wordCount: Int, _ word: (Int) -> UInt64, _ body: (Range<Int>) -> Void) {
        var changes = RunChanges()
        var start: Int?
        for index in 0..<wordCount {
            var places = changes.next(word(index))
            while places != 0 {
                let place = index * 64 + places.trailingZeroBitCount
                if let open = start {
                    body(open..<place)
                    start = nil
                } else {
                    start = place
                }
                places &= places - 1
            }
        }
        if let start { body(start..<wordCount * 64) }
    }

    /// Finds where runs begin and end, word by word.
    private struct RunChanges {
        /// The last bit of the previous word.
        private var carry: UInt64 = 0

        mutating func next(_ word: UInt64) -> UInt64 {
            defer { carry = word >> 63 }
            return word ^ (word << 1 | carry)
        }
    }
}

extension Bitmap: Hashable {
    public static func == (left: Self, right: Self) -> Bool {
        left.runs.isEmpty == right.runs.isEmpty
            ? left.dense == right.dense && left.runs == right.runs : left.words == right.words
    }

    public func hash(into hasher: inout Hasher) {
        words.hash(into: &hasher)
    }
}

extension Bitmap: LosslessStringConvertible {
    /// Parses runs of bits in ascending order: `"0-5,7,9-511"`; an empty string means none.
    public init?(_ text: String) {
        self.init()
        guard !text.isEmpty else { return }
        var next = 0
        for run in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = run.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = Int(bounds[0]), let last = bounds.count == 1 ? first : Int(bounds[1]),
                first >= next, last >= first, last < Self.largestBitCount
            else { return nil }
            insert(first..<last + 1)
            next = last + 1
        }
    }

    public var description: String {
        var runs: [String] = []
        forEachRun { run in
            runs.append(run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound - 1)")
        }
        return runs.joined(separator: ",")
    }
}
