/// A page of bits, as the maps of preserved memory hold them.
public struct Bitmap: Hashable, Sendable {
    /// The bits, 64 a word, bit 0 in the least significant place; no zero words at the end.
    public private(set) var words: [UInt64]

    /// The number of bits of the largest page, 64 KiB.
    static let largestBitCount = 65536 * 8

    public init() {
        words = []
    }

    public init(words: [UInt64]) {
        self.words = words
        trim()
    }

    private mutating func trim() {
        while words.last == 0 { words.removeLast() }
    }

    public var isEmpty: Bool { words.isEmpty }

    /// The number of bits that are set.
    public var count: Int {
        words.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    /// The highest bit that is set.
    public var last: Int? {
        words.last.map { words.count * 64 - 1 - $0.leadingZeroBitCount }
    }

    public func contains(_ bit: Int) -> Bool {
        bit >= 0 && bit / 64 < words.count && words[bit / 64] >> UInt64(bit % 64) & 1 != 0
    }

    public mutating func insert(_ bit: Int) {
        while words.count <= bit / 64 { words.append(0) }
        words[bit / 64] |= 1 << UInt64(bit % 64)
    }

    public mutating func remove(_ bit: Int) {
        guard contains(bit) else { return }
        words[bit / 64] &= ~(1 << UInt64(bit % 64))
        trim()
    }

    /// Calls `body` with every run of adjacent set bits, ascending.
    public func forEachRun(_ body: (Range<Int>) -> Void) {
        var start: Int?
        for (index, word) in words.enumerated() {
            let base = index * 64
            if word == .max {
                if start == nil { start = base }
                continue
            }
            if word == 0, start == nil { continue }
            var bit = 0
            while bit < 64 {
                let rest = word >> UInt64(bit)
                if let open = start {
                    let ones = (~rest).trailingZeroBitCount
                    if bit + ones >= 64 { break }
                    body(open..<(base + bit + ones))
                    start = nil
                    bit += ones
                } else {
                    if rest == 0 { break }
                    bit += rest.trailingZeroBitCount
                    start = base + bit
                }
            }
        }
        if let open = start { body(open..<(words.count * 64)) }
    }
}

extension Bitmap: LosslessStringConvertible {
    /// Reads runs of bits in ascending order: `"0-5,7,9-511"`; the empty string for none.
    public init?(_ text: String) {
        self.init()
        guard !text.isEmpty else { return }
        var next = 0
        for run in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = run.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = Int(bounds[0]), let last = bounds.count == 1 ? first : Int(bounds[1]),
                first >= next, last >= first, last < Self.largestBitCount
            else { return nil }
            for bit in first...last { insert(bit) }
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
