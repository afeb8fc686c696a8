/// The reasons why a document cannot, or should not, be built.
public struct PlanError: Error, Hashable, Sendable {
    /// The problems with their places in the document; at most 100 are kept.
    public var problems: [DocumentError]
    /// Whether all of them can be built anyway: see ``HandoverPlanner/Options/force``.
    public var canBeForced: Bool
}
