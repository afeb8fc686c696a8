import KernelABI

// Comparison of the contents that handles refer to.
extension Comparison {
    /// Compares the contents that a file, an FLB or a subtree refers to.
    mutating func compareContent(_ contents: Pair<any Content>) {
        let subject = contents.subject
        guard let (before, after) = contents.both else {
            if contents.before != nil || contents.after != nil { noteMissing(contents.layout.map(\.title)) }
            return
        }
        let count = changes.count
        let isTold = before.compare(to: after, subject, by: &self)
        let areWhole = self.before.absence == .missing && self.after.absence == .missing
        if !isTold || areWhole && changes.count == count, AnyContent(before) != AnyContent(after) {
            let payload = subject.part("payload")
            note(isMoved || isTold ? payload.layout : payload)
        }
        guard let old = before.fileContents, let new = after.fileContents else { return }
        compareContents(subject, old, new)
    }

    /// Compares the bytes of two files, page by page, if both are available.
    private mutating func compareContents(_ subject: Subject, _ old: FileContents, _ new: FileContents) {
        guard !ignoresContents, let size = [old.size, new.size].compactMap({ $0 }).min(), let pageSize = commonPageSize
        else { return }
        let pages = pageSize.pages(for: size)
        let oldPages = FilePages(of: old, on: before, regions.before, pageSize)
        let newPages = FilePages(of: new, on: after, regions.after, pageSize)
        guard let oldPages, let newPages else {
            if pages > 0, before.openFile != nil || after.openFile != nil {
                noteUncompared(subject.part("contents of \(pages.inPages)"), oldPages != nil, newPages != nil)
            }
            return
        }
        // Pages without memory on either side are holes in both, or unavailable in both.
        let wholePages = size >> UInt64(pageSize.shift)
        let ranges = oldPages.available + newPages.available
        var changed = 0
        var first: UInt64 = 0
        var next: UInt64 = 0
        // Pages before this one are in a stretch that is known to differ.
        var differing: UInt64 = 0
        var lost: (count: UInt64, isInBefore: Bool, isInAfter: Bool) = (0, false, false)
        for page in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }).lazy.flatMap({ $0 }) {
            guard page < pages else { break }
            guard page >= next else { continue }
            // In a valid handover, files share no memory: only a hostile one has more pages than there are.
            guard pagesToCompare > 0 else { break }
            if page >= differing {
                let stretch = min(
                    oldPages.pagesInRow(from: page), newPages.pagesInRow(from: page), pagesToCompare,
                    wholePages - min(page, wholePages), Self.stretch)
                if stretch > 1 {
                    if oldPages.isEqual(to: newPages, at: page, count: stretch) {
                        pagesToCompare -= stretch
                        next = page + stretch
                        continue
                    }
                    differing = page + stretch
                }
            }
            pagesToCompare -= 1
            next = page + 1
            let count = Int(min(UInt64(pageSize.bytes), size - page << UInt64(pageSize.shift)))
            let left = oldPages.bytes(of: page, count: count)
            let right = newPages.bytes(of: page, count: count)
            guard let left, let right else {
                lost = (lost.count + 1, lost.isInBefore || left != nil, lost.isInAfter || right != nil)
                continue
            }
            guard left != right else { continue }
            if changed == 0 { first = page }
            changed += 1
        }
        lost.count += oldPages.pagesOutside(and: newPages, below: pages)
        if lost.count > 0 {
            noteUncompared(subject.part("contents of \(lost.count.inPages)"), lost.isInBefore, lost.isInAfter)
        }
        if changed > 0 {
            note(subject.part("contents of \(UInt64(changed).inPages), the first being page \(first)"))
        }
    }

    /// The page size of both sides, which a document need not state; `nil` if they differ.
    var commonPageSize: PageSize? {
        let stated = [before.state.pageSize, after.state.pageSize].compactMap { $0 }
        return stated.allSatisfy { $0 == stated[0] } ? stated.first ?? .kib4 : nil
    }

    /// The number of pages to compare at once while they are equal.
    private static let stretch: UInt64 = 256
}
