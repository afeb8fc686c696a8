import Handover
import SystemPackage

/// A dump file, and changes to it.
struct ChangedFile: Sendable {
    private let bytes: [UInt8]

    init?(_ path: String) {
        guard let file = try? MappedFile(path: FilePath(path)),
            let bytes = try? file.withBytes(at: 0, count: Int(file.count), { $0.withUnsafeBytes { Array($0) } })
        else { return nil }
        self.bytes = bytes
    }

    /// The first 3 bytes determine how much of the file is cut off. Each 8 bytes of the rest are an offset (3 bytes),
    /// an operation on the bytes there (1 byte), and an operand (4 bytes).
    func changed(by records: [UInt8]) -> [UInt8] {
        guard records.count >= 3 else { return bytes }
        var result = bytes
        let cut = Records.Record(bytes: records.prefix(3)).number(at: 0, count: 3)
        // Most inputs keep the whole file.
        if cut & 7 == 7 { result.removeLast(Int(cut >> 3) % result.count) }
        for record in Records(Array(records.dropFirst(3)), of: 8) {
            let place = Int(record.number(at: 0, count: 3)) % result.count
            let (action, operand) = (record.number(at: 3, count: 1), record.number(at: 4, count: 4))
            let count = [1, 2, 4, 8][Int(action >> 6)]
            let range = place..<min(place + count, result.count)
            let old = result[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
            let new: UInt64 =
                switch action & 3 {
                case 0: operand
                case 1: old &+ UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: operand)))
                case 2: old ^ 1 << (operand & 63)
                default: operand << 12
                }
            for (index, place) in range.enumerated() { result[place] = UInt8(truncatingIfNeeded: new >> (8 * index)) }
        }
        return result
    }
}
