import Testing

@testable import FDT

/// Checks that the parts of a tree cover all of its bytes, whatever they are.
@Suite struct TreePartTests {
    private func parts(of bytes: [UInt8]) -> [TreePart] {
        var parts: [TreePart] = []
        TreePart.forEach(in: bytes.span.bytes) { parts.append($0) }
        return parts
    }

    /// The first position at which the parts omit something or overlap.
    private func gap(in bytes: [UInt8]) -> Int? {
        var cursor = 0
        for part in parts(of: bytes) {
            guard part.range.lowerBound == cursor, !part.range.isEmpty else { return cursor }
            cursor = part.range.upperBound
        }
        return cursor == bytes.count ? nil : cursor
    }

    @Test func `a small tree has these parts`() throws {
        var writer = try SequentialWriter(capacity: 256)
        try writer.addReservation(address: 0x1000, size: 0x2000)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("ab", bytes: [1, 2, 3])
        }
        let bytes = try writer.finish().bytes
        let kinds = parts(of: bytes).dropFirst(10).map(\.kind)
        let name = bytes.count - 3
        #expect(
            kinds == [
                .gap, .reservation(0, address: 0x1000, size: 0x2000), .reservationEnd, .beginNode(name: 84..<84),
                .alignment, .property(nameStart: name, count: 3), .value(isWhole: true), .alignment, .endNode, .end,
                .string(offset: 0, isTerminated: true),
            ])
    }

    @Test func `every prefix, and every tree with a byte changed, is gapless`() throws {
        var writer = try SequentialWriter(capacity: 512)
        try writer.finishReservations()
        try writer.node("") { (root) throws(FDTError) in
            try root.property("compatible", string: "a,b")
            try root.node("child") { (child) throws(FDTError) in try child.property("reg", u64: 7) }
        }
        let bytes = try writer.finish().bytes
        for count in 0...bytes.count { #expect(gap(in: Array(bytes.prefix(count))) == nil) }
        for index in bytes.indices {
            for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                var damaged = bytes
                damaged[index] = value
                #expect(gap(in: damaged) == nil, "byte \(index) is \(value)")
            }
        }
    }
}
