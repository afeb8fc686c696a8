import Handover
import SystemPackage

/// The file of a dump, and changes to it.
struct ChangedFile: Sendable {
    private let bytes: [UInt8]

    init?(_ path: String) {
        guard let file = try? MappedFile(path: FilePath(path)),
            let bytes = try? file.withBytes(at: 0, count: Int(file.count), { $0.withUnsafeBytes { Array($0) } })
        else { return nil }
        self.bytes = bytes
    }

    /// The first 3 bytes tell how much of the file is cut away; of the rest, each 8 are a place (3 bytes), what to do
    /// with what is there (1 byte), and an operand (4 bytes).
    func changed(by records: [UInt8]) -> [UInt8] {
        guard records.count >= 3 else { return bytes }
        var result = bytes
        let cut = Records.Record(bytes: records.prefix(3)).number(at: 0, count: 3)
        // Most inputs leave it whole.
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
