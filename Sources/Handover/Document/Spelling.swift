/// Suggests corrections for misspelt words.
package enum Spelling {
    /// The candidate nearest to `word`, or `nil` if none is near.
    package static func nearest(to word: String, among candidates: some Collection<String>) -> String? {
        let best = candidates.sorted().map { ($0, distance(Array(word.utf8), Array($0.utf8))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= max(2, word.utf8.count / 3) else { return nil }
        return best.0
    }

    /// A question that suggests the nearest candidate, or `nil` if none is near.
    package static func suggestion(for word: String, among candidates: some Collection<String>) -> String? {
        nearest(to: word, among: candidates).map(question)
    }

    package static func question(_ candidate: String) -> String { "did you mean \"\(candidate)\"?" }

    /// The Levenshtein distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (place, other) in right.enumerated() {
                let above = row[place + 1]
                row[place + 1] = min(above + 1, row[place] + 1, diagonal + (byte == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
