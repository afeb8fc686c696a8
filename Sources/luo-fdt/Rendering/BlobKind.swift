import FDT
import KernelABI

/// What a blob that belongs to nobody known here looks like.
struct BlobKind: CustomStringConvertible {
    let description: String

    init(_ bytes: [UInt8]) {
        if let tree = try? FlattenedTree(bytes) {
            let compatible = tree.root.property("compatible")?.strings
            description = compatible.map { "FDT, \(Self.list($0))" } ?? "FDT without compatible"
        } else if bytes.allSatisfy({ $0 == 0 }) {
            description = "all zero"
        } else {
            description = "unknown bytes"
        }
    }

    private static func list(_ names: [String]) -> String {
        // `joined` finds out as it runs what it joins, which takes a tenth of what a small dump takes.
        var list = ""
        for name in names { list += (list.isEmpty ? "" : ", ") + ImageText(name).bare }
        return list
    }
}
