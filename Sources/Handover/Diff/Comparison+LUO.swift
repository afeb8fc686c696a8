import KernelABI

// Compares sessions, files and FLBs.
extension Comparison {
    mutating func compareLUO(_ before: LUOState?, _ after: LUOState?) {
        compare("LUO, compatible", before?.compatible, after?.compatible)
        compare("LUO, compatible of sessions", before?.sessionCompatible, after?.sessionCompatible)
        compare("LUO, compatible of FLBs", before?.flbCompatible, after?.flbCompatible)
        compare("number of live updates", before?.liveUpdateNumber, after?.liveUpdateNumber)
        compareFurther("LUO", before?.further, after?.further)
        if before != nil || after != nil {
            if let (old, new) = lists("sessions", before?.sessions, after?.sessions) { compareSessions(old, new) }
            if before?.flbAddress != nil || after?.flbAddress != nil || before?.flbs != nil || after?.flbs != nil,
                let (old, new) = lists("FLBs", before?.flbs, after?.flbs)
            {
                compareFLBs(old, new)
            }
        }
        compare("FLBs, number of pages", before?.flbPageCount, after?.flbPageCount)
        compareLayout(
            "FLBs, address", self.before.written(before?.flbAddress), self.after.written(after?.flbAddress))
        compareLayout(
            "sessions, address", self.before.written(before?.sessionsAddress),
            self.after.written(after?.sessionsAddress))
        compareBlocks("sessions", before?.blocks, after?.blocks)
    }

    /// Compares records with the same name, and notes missing records and a different order.
    private mutating func compareNamed<Record>(
        _ noun: String, _ before: [Record], _ after: [Record], by name: (Record) -> KernelString,
        _ summary: (Record) -> String, _ compare: (inout Self, _ subject: String, Record, Record) -> Void
    ) {
        for pair in pairs(before, after, by: name) {
            guard let record = pair.before ?? pair.after else { continue }
            let subject = "\(noun) \(name(record).quoted)"
            if let old = pair.before, let new = pair.after {
                compare(&self, subject, old, new)
            } else {
                note(subject, pair.before.map(summary), pair.after.map(summary))
            }
        }
        let (old, new) = (before.map(name), after.map(name))
        if old != new, Set(old) == Set(new) {
            note("order of \(noun)s", Self.list(old), Self.list(new), isLayout: true)
        }
    }

    private mutating func compareFLBs(_ before: [FLBState], _ after: [FLBState]) {
        compareNamed("FLB", before, after, by: \.name, { "\($0.count) files" }) { comparison, subject, old, new in
            comparison.compare("\(subject), data", old.data.prefixedHex, new.data.prefixedHex)
            comparison.compare("\(subject), count", old.count, new.count)
            comparison.compareFurther(subject, old.further, new.further)
            comparison.compareContent(subject, old.content, new.content)
        }
    }

    private mutating func compareSessions(_ before: [SessionState], _ after: [SessionState]) {
        compareNamed("session", before, after, by: \.name, Self.summary(of:)) { comparison, subject, old, new in
            // If both counts match their number of records, that number already shows the difference.
            if [old, new].contains(where: { $0.count != $0.files.map { UInt64($0.count) } }) {
                comparison.compare("\(subject), count", old.count, new.count)
            }
            comparison.compareFurther(subject, old.further, new.further)
            if let (oldFiles, newFiles) = comparison.lists("\(subject), files", old.files, new.files) {
                comparison.compareFiles(subject, oldFiles, newFiles)
            }
            comparison.compareLayout("\(subject), address of files", old.filesAddress, new.filesAddress)
            comparison.compareBlocks(subject, old.blocks, new.blocks)
        }
    }

    private static func summary(of session: SessionState) -> String {
        let count = session.files.map { UInt64($0.count) } ?? session.count ?? 0
        return count == 1 ? "1 file" : "\(count) files"
    }

    private static func list(_ names: [KernelString]) -> String {
        let shown = names.prefix(4).map(\.quoted).joined(separator: ", ")
        return names.count > 4 ? "\(shown), …" : shown
    }

    private mutating func compareBlocks(_ subject: String, _ before: [BlockState]?, _ after: [BlockState]?) {
        guard let before, let after else { return }
        let counts = [before, after].map { $0.map { $0.count.map(String.init) ?? "?" }.joined(separator: "+") }
        compareLayout("\(subject), records in blocks", counts[0], counts[1])
        for (index, pair) in zip(before, after).enumerated() where index > 0 {
            compareLayout("\(subject), block \(index + 1)", pair.0.address, pair.1.address)
        }
    }

    /// Compares record fields without a meaning to this package.
    private mutating func compareFurther(_ subject: String, _ before: PayloadValue?, _ after: PayloadValue?) {
        guard before != after else { return }
        for pair in pairs(before?.fieldTexts ?? [], after?.fieldTexts ?? [], by: \.name) {
            let name = (pair.before ?? pair.after)?.name ?? ""
            compare("\(subject), \(ImageText(name).bare)", pair.before?.text, pair.after?.text)
        }
    }

    /// Compares the targets of handles.
    mutating func compareContent(_ subject: String, _ before: (any Content)?, _ after: (any Content)?) {
        guard let before, let after else { return }
        let count = changes.count
        let isTold = before.compare(to: after, subject, by: &self)
        let areWhole = self.before.absence == .missing && self.after.absence == .missing
        if !isTold || areWhole && changes.count == count, AnyContent(before) != AnyContent(after) {
            note("\(subject), payload", nil, nil, isLayout: isMoved || isTold)
        }
        guard let old = before.fileContents, let new = after.fileContents else { return }
        compareContents(subject, old, new)
    }

    private mutating func compareFiles(_ session: String, _ before: [FileState], _ after: [FileState]) {
        for pair in pairs(before, after, by: \.token) {
            guard let token = (pair.before ?? pair.after)?.token else { continue }
            // If the handle refers to content, there is more to compare.
            if let old = pair.before, !old.hasContent, old == pair.after { continue }
            let subject = "\(session), file \(token.prefixedHex)"
            guard let old = pair.before, let new = pair.after else {
                note(subject, pair.before.map(Self.summary(of:)), pair.after.map(Self.summary(of:)))
                continue
            }
            compare("\(subject), compatible", old.compatible, new.compatible)
            compareFurther(subject, old.further, new.further)
            if let content = old.content, let other = new.content {
                compareContent(subject, content, other)
                compareLayout("\(subject), descriptor", old.data.map(\.prefixedHex), new.data.map(\.prefixedHex))
                continue
            }
            // The handle of an unknown handler is all we know about the file; with content, it is an address.
            let isLayout = old.content != nil || new.content != nil
            compare("\(subject), data", old.data.map(\.prefixedHex), new.data.map(\.prefixedHex), isLayout: isLayout)
            if isLayout, before.count == after.count {
                noteMissing(subject, old.content?.title, new.content?.title)
            }
        }
        if before.map(\.token) != after.map(\.token), Set(before.map(\.token)) == Set(after.map(\.token)) {
            note("\(session), order of files", nil, nil, isLayout: true)
        }
    }

    private static func summary(of file: FileState) -> String {
        if let content = file.content, let size = content.fileContents?.size {
            return "\(content.title) of \(size) bytes"
        }
        return file.compatible.map(\.quoted) ?? ""
    }
}
