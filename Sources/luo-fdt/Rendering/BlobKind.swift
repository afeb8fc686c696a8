import FDT

/// What a blob that belongs to nobody known here looks like.
struct BlobKind: CustomStringConvertible {
    let description: String

    init(_ bytes: [UInt8]) {
        if let tree = try? FlattenedTree(bytes) {
            let compatible = tree.root.property("compatible")?.strings
            description = compatible.map { "FDT, \(Legible.names($0))" } ?? "FDT without compatible"
        } else if bytes.allSatisfy({ $0 == 0 }) {
            description = "all zero"
        } else {
            description = "unknown bytes"
        }
    }
}
