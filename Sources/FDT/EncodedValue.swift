// Values of the types used in device trees.
extension SequentialWriter {
    /// Writes a property whose value is a NUL-terminated string. C: `fdt_property_string`.
    public mutating func property(_ name: String, string: String) throws(FDTError) {
        try property(name, bytes: Array(string.utf8) + [0])
    }

    /// Writes a property whose value is a 32-bit number. C: `fdt_property_u32` if big-endian.
    public mutating func property(_ name: String, u32: UInt32, _ order: ByteOrder = .bigEndian) throws(FDTError) {
        try property(name, bytes: u32.bytes(order))
    }

    /// Writes a property whose value is a 64-bit number. C: `fdt_property_u64` if big-endian.
    public mutating func property(_ name: String, u64: UInt64, _ order: ByteOrder = .bigEndian) throws(FDTError) {
        try property(name, bytes: u64.bytes(order))
    }

    /// Writes a property whose value is a list of big-endian 32-bit cells.
    public mutating func property(_ name: String, cells: [UInt32]) throws(FDTError) {
        try property(name, bytes: cells.flatMap { $0.bytes(.bigEndian) })
    }
}

extension TreeEditor {
    /// Sets a property to a 64-bit number. C: `fdt_setprop_u64` if big-endian.
    public mutating func setProperty(
        _ name: String, of path: String, u64: UInt64, _ order: ByteOrder = .bigEndian
    ) throws(FDTError) {
        try setProperty(name, of: path, bytes: u64.bytes(order))
    }
}
