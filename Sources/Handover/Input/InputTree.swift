import FDT
import KernelABI

/// Bytes that are an FDT or the remains of one, opened once for all readers.
struct InputTree: Sendable {
    let bytes: [UInt8]
    let contents: Contents

    enum Contents: Sendable {
        case whole(FlattenedTree)
        /// What can still be read of it, and libfdt's verdict.
        case damaged(PartialTree, FDTError)
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        do throws(FDTError) {
            contents = .whole(try FlattenedTree(bytes))
        } catch {
            contents = .damaged(PartialTree(bytes), error)
        }
    }

    /// The tree, if it is complete.
    var whole: FlattenedTree? {
        if case .whole(let tree) = contents { tree } else { nil }
    }

    /// The `compatible` of the root, if present.
    var compatible: (any PropertyValue)? {
        switch contents {
        case .whole(let tree): tree.root.property("compatible")
        case .damaged(let partial, _): PartialRoot(partial, subtrees: []).compatible
        }
    }
}
