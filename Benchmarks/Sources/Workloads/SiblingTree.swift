import FDT

/// A device tree with many children of one node.
public enum SiblingTree {
    public static func tree(nodes count: Int, seed: UInt64) throws(FDTError) -> FlattenedTree {
        var random = SplitMix64(seed: seed)
        // A node takes about 104 bytes.
        var writer = try SequentialWriter(growing: count * 128 + 4096)
        try writer.finishReservations()
        try writer.beginNode("")
        try writer.property("compatible", string: "example,machine")
        var start: UInt64 = 0x1_0000_0000
        for number in 0..<count {
            let size = UInt64.random(in: 1...64, using: &random) << 12
            try writer.beginNode("device-\(number)")
            try writer.property("compatible", string: "example,device")
            try writer.property("start", u64: start, .bigEndian)
            try writer.property("size", u64: size, .bigEndian)
            try writer.endNode()
            start += size
        }
        try writer.endNode()
        return try writer.finish()
    }
}
