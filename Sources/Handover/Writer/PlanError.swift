/// Why a document cannot, or should not, be built.
public struct PlanError: Error, Hashable, Sendable {
    /// Each with its place in the document; at most 100 are kept.
    public var problems: [DocumentError]
    /// Whether all of them can be built nevertheless: see ``HandoverPlanner/Options/force``.
    public var canBeForced: Bool
}
