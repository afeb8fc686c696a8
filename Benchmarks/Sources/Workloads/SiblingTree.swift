import FDT

/// A tree with many nodes below one: the `reserve_mem` regions' tree, with far more of them than a kernel has.
public enum SiblingTree {
    public static func tree(nodes count: Int, seed: UInt64) throws(FDTError) -> FlattenedTree {
        var random = SplitMix64(seed: seed)
        // A node takes some 104 bytes.
        var writer = try SequentialWriter(growing: count * 128 + 4096)
        try writer.finishReservations()
        try writer.beginNode("")
        try writer.property("compatible", string: "memblock-v1")
        var start: UInt64 = 0x1_0000_0000
        for number in 0..<count {
            let size = UInt64.random(in: 1...64, using: &random) << 12
            try writer.beginNode("vm-\(number)-trace")
            try writer.property("compatible", string: "reserve-mem-v1")
            try writer.property("start", u64: start, .littleEndian)
            try writer.property("size", u64: size, .littleEndian)
            try writer.endNode()
            start += size
        }
        try writer.endNode()
        return try writer.finish()
    }
}
