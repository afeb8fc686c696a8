/// Enumerates the orders in which the sides of a race can run, one per play.
///
/// Orders that differ only in the order of independent accesses (``RaceAccess``) are equivalent; one of each class is
/// played. If a side's next access is to something that no other side uses, that side runs first; otherwise, sleep sets
/// avoid orders that are equivalent to earlier plays.
struct RaceExploration {
    /// What to do after a play.
    enum Next {
        case another
        /// The sides share more than was known: discard all plays so far and start again.
        case again
        case nothing
    }

    private struct Node {
        let enabled: [Int: RaceAccess]
        let candidates: [Int]
        let sleeping: Set<Int>
        var tried: Set<Int> = []
        var chosen: Int
    }

    private var nodes: [Node] = []
    private var depth = 0
    private var last: Int?
    /// The sides that use each object, and whether they write it.
    private var users: [String: [Int: Bool]] = [:]
    private var isStale = false

    /// The side to run next; `nil` if everything that can follow was already played.
    mutating func choose(_ enabled: [Int: RaceAccess]) -> Int? {
        for (side, access) in enabled { note(access, of: side) }
        defer { depth += 1 }
        if depth < nodes.count {
            last = nodes[depth].chosen
            // Plays are deterministic except for the order, so the earlier choices can be repeated.
            return last.flatMap { enabled[$0] } == nil ? nil : last
        }
        let sleeping = nodes.last.map(Self.stillSleeping) ?? []
        // Prefer the current side: orders with few switches come first.
        let order = enabled.keys.sorted { ($0 == last ? -1 : $0) < ($1 == last ? -1 : $1) }
        let alone = order.first { side in enabled[side].map { !isShared($0.object) } ?? false }
        let candidates = alone.map { [$0] } ?? order
        guard let chosen = candidates.first(where: { !sleeping.contains($0) }) else { return nil }
        nodes.append(Node(enabled: enabled, candidates: candidates, sleeping: sleeping, chosen: chosen))
        last = chosen
        return chosen
    }

    /// Ends a play.
    mutating func next() -> Next {
        depth = 0
        last = nil
        if isStale {
            isStale = false
            nodes = []
            return .again
        }
        while var node = nodes.popLast() {
            node.tried.insert(node.chosen)
            let rest = node.candidates.first { !node.sleeping.contains($0) && !node.tried.contains($0) }
            guard let rest else { continue }
            node.chosen = rest
            nodes.append(node)
            return .another
        }
        return .nothing
    }

    /// The sides that, after this choice, would only repeat what an earlier play did before it.
    private static func stillSleeping(_ node: Node) -> Set<Int> {
        guard let done = node.enabled[node.chosen] else { return [] }
        return node.sleeping.union(node.tried).filter { side in
            side != node.chosen && node.enabled[side]?.commutes(with: done) ?? false
        }
    }

    private mutating func note(_ access: RaceAccess, of side: Int) {
        guard users[access.object]?[side] != true else { return }
        let wasShared = isShared(access.object)
        let writes = users[access.object]?[side] ?? false
        users[access.object, default: [:]][side] = writes || access.isWrite
        if !wasShared, isShared(access.object) { isStale = true }
    }

    private func isShared(_ object: String) -> Bool {
        guard let sides = users[object] else { return false }
        return sides.count > 1 && sides.values.contains(true)
    }
}
