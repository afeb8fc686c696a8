/// Finds the orders in which the sides of a race can go on, one play after the other.
///
/// Two orders are one if they differ only in the order of what has nothing to do with each other (``RaceAccess``): each
/// class of orders is played once. A side goes on first where what it does next is no other side's at all; elsewhere,
/// sets of sleeping sides keep an order from being tried that another play was equal to.
struct RaceExploration {
    /// What comes after a play.
    enum Next {
        case another
        /// It has turned out that sides share more than was known: all plays so far do not count.
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
    /// Who uses what, and whether it writes.
    private var users: [String: [Int: Bool]] = [:]
    private var isStale = false

    /// The side that goes on; `nil` if all that can follow has been played.
    mutating func choose(_ enabled: [Int: RaceAccess]) -> Int? {
        for (side, access) in enabled { note(access, of: side) }
        defer { depth += 1 }
        if depth < nodes.count {
            last = nodes[depth].chosen
            // What has been done before can be done again, as nothing but the order makes a difference.
            return last.flatMap { enabled[$0] } == nil ? nil : last
        }
        let sleeping = nodes.last.map(Self.stillSleeping) ?? []
        // Whoever is at it goes on: orders with few changes are the ones to look at first.
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

    /// The sides that would do after a choice what another play has seen them do before it.
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
