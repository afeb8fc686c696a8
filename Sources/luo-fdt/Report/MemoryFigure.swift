import Handover
import KernelABI

/// A map of physical memory by use, in sections that each have their own scale.
///
/// There may be terabytes of nothing between the first and the last page of a handover. Memory is cut at the largest
/// gaps, so that each section is dense enough to be visible.
struct MemoryFigure {
    /// What memory is used for; determines the colour.
    enum Use: String, CaseIterable {
        case root, luo, map, contents, region, preserved, scratch

        init(_ extent: Extent) {
            switch extent.role {
            case .root, .subtree: self = .root
            case .bitmapChunk, .bitmap, .radixNode, .radixLeaf: self = .map
            case .contents: self = .contents
            case .region: self = .region
            default: self = .luo
            }
        }

        var words: String {
            switch self {
            case .root: "root and subtrees"
            case .luo: "sessions, files, FLBs and their descriptions"
            case .map: "map of preserved memory"
            case .contents: "contents of files"
            case .region: "reserve_mem regions"
            case .preserved: "preserved, owner unknown"
            case .scratch: "scratch"
            }
        }
    }

    struct Run {
        var range: Range<PhysicalAddress>
        var use: Use
        var owner: String
        var pieces = 1

        var bytes: UInt64 { range.upperBound.rawValue - range.lowerBound.rawValue }
    }

    struct Section {
        /// In ascending order.
        var runs: [Run]
        var range: Range<PhysicalAddress>
        /// The size of the gap before the section in bytes.
        var gap: UInt64
    }

    let sections: [Section]
    /// The total size of each use in bytes.
    private(set) var totals: [Use: UInt64] = [:]

    private static let most = 12
    /// The drawing resolution of a section: its width in columns.
    static let columns = 1000.0

    init(of document: HandoverDocument, scratch: [Range<PhysicalAddress>]) {
        let state = document.reading.state
        let extents = document.reading.extents + state.contentsExtents
        var runs = extents.filter { $0.byteCount > 0 }
            .map { Run(range: $0.range, use: Use($0), owner: $0.title) }
        runs.sort { $0.range.lowerBound < $1.range.lowerBound }
        let preserved = state.preserved?.summary(pageSize: document.pageSize).ranges ?? []
        runs += Self.rest(of: preserved, without: runs).map { Run(range: $0, use: .preserved, owner: "preserved") }
        runs += scratch.map { Run(range: $0, use: .scratch, owner: "scratch") }
        runs.sort { $0.range.lowerBound < $1.range.lowerBound }
        for run in runs { totals[run.use, default: 0] &+= run.bytes }
        sections = Self.sections(of: runs)
    }

    /// The parts of ascending `ranges` that no run covers.
    private static func rest(
        of ranges: [Range<PhysicalAddress>], without runs: [Run]
    ) -> [Range<PhysicalAddress>] {
        var rest: [Range<PhysicalAddress>] = []
        var next = 0
        for range in ranges {
            var start = range.lowerBound
            while next < runs.count, runs[next].range.lowerBound < range.upperBound {
                let run = runs[next].range
                if run.lowerBound > start { rest.append(start..<run.lowerBound) }
                start = max(start, min(run.upperBound, range.upperBound))
                next += 1
            }
            if start < range.upperBound { rest.append(start..<range.upperBound) }
        }
        return rest
    }

    private static func sections(of runs: [Run]) -> [Section] {
        guard !runs.isEmpty else { return [] }
        var parts = [runs[...]]
        // The largest gap of a part, if it is more than a quarter of it, and the index of the run after it.
        func gap(_ part: ArraySlice<Run>) -> (size: UInt64, index: Int)? {
            var end = part.first?.range.upperBound ?? PhysicalAddress(0)
            let start = part.first?.range.lowerBound ?? end
            var largest: (size: UInt64, index: Int)?
            for index in part.indices {
                let run = part[index].range
                if run.lowerBound > end, run.lowerBound.rawValue - end.rawValue > largest?.size ?? 0 {
                    largest = (run.lowerBound.rawValue - end.rawValue, index)
                }
                end = max(end, run.upperBound)
            }
            return largest.flatMap { $0.size > (end.rawValue - start.rawValue) / 4 ? $0 : nil }
        }
        var gaps = [gap(runs[...])]
        while parts.count < most, let widest = gaps.indices.max(by: { gaps[$0]?.size ?? 0 < gaps[$1]?.size ?? 0 }),
            let cut = gaps[widest]?.index
        {
            let part = parts[widest]
            let halves = [part[..<cut], part[cut...]]
            parts.replaceSubrange(widest...widest, with: halves)
            gaps.replaceSubrange(widest...widest, with: halves.map(gap))
        }
        var before = PhysicalAddress(0)
        return parts.map { part in
            let start = part.first?.range.lowerBound ?? before
            let end = part.map(\.range.upperBound).max() ?? start
            defer { before = end }
            let range = start..<end
            return Section(
                runs: drawn(part, in: range), range: range, gap: start.rawValue - min(before, start).rawValue)
        }
    }

    /// The runs as drawn: those in the same column are merged and get the use of the largest.
    private static func drawn(_ runs: ArraySlice<Run>, in range: Range<PhysicalAddress>) -> [Run] {
        let column = max(1, (range.upperBound.rawValue - range.lowerBound.rawValue) / UInt64(columns))
        var drawn: [Run] = []
        var largest: UInt64 = 0
        for run in runs {
            guard let last = drawn.last, run.range.lowerBound >= last.range.lowerBound,
                run.range.upperBound.rawValue - last.range.lowerBound.rawValue <= column * 2
                    || last.owner == run.owner && last.range.upperBound == run.range.lowerBound
            else {
                drawn.append(run)
                largest = run.bytes
                continue
            }
            var joined = last
            if run.bytes > largest { (joined.use, joined.owner, largest) = (run.use, run.owner, run.bytes) }
            joined.range = last.range.lowerBound..<max(last.range.upperBound, run.range.upperBound)
            joined.pieces += run.pieces
            drawn[drawn.count - 1] = joined
        }
        return drawn
    }
}
