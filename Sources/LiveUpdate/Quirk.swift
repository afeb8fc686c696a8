/// Something that kernels do otherwise than their documentation says.
///
/// The model does what is documented; a quirk that is asked for makes it do what is implemented.
public enum Quirk: String, Hashable, Sendable, CaseIterable {
    /// The incoming count of an FLB is loaded by its `retrieve`, and by nothing else.
    case countLoadedByRetrieve = "count-loaded-by-retrieve"

    /// What is documented, what is done instead, and what follows.
    public var explanation: String {
        switch self {
        case .countLoadedByRetrieve:
            """
            The documentation says that the last file to be finished finishes the FLB, and that an FLB which nobody \
            has retrieved by then is retrieved first. Kernels 7.0 to 7.3 load the count from the FLB's record in \
            retrieve alone. Where nobody retrieves before the files are finished, it is counted down from zero: it \
            wraps (7.0) or saturates with a warning (7.1 on), and finish is never called. What the FLB preserved \
            is lost until the next boot.
            """
        }
    }
}
