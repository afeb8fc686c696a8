import FDT
import KernelABI

/// Describes the appearance of a blob with an unknown owner.
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
        // `joined` determines the type of what it joins at run time, which takes a tenth of the time of a small dump.
        var list = ""
        for name in names { list += (list.isEmpty ? "" : ", ") + ImageText(name).bare }
        return list
    }
}
