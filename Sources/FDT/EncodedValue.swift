/// The bytes of a property's value, made of the types that device trees use.
enum EncodedValue {
    static func strings(_ strings: [String]) -> [UInt8] {
        strings.flatMap { Array($0.utf8) + [0] }
    }

    static func cells(_ cells: [UInt32]) -> [UInt8] { cells.flatMap { $0.bytes(.bigEndian) } }
}

extension SequentialWriter {
    /// Writes a property whose value is a string and its NUL. C: `fdt_property_string`.
    public mutating func property(_ name: String, string: String) throws(FDTError) {
        try property(name, bytes: EncodedValue.strings([string]))
    }

    /// Writes a property whose value is a list of strings, each with its NUL.
    public mutating func property(_ name: String, strings: [String]) throws(FDTError) {
        try property(name, bytes: EncodedValue.strings(strings))
    }

    /// Writes a property whose value is a 32-bit number. C: `fdt_property_u32`, for big-endian.
    public mutating func property(_ name: String, u32: UInt32, _ order: ByteOrder = .bigEndian) throws(FDTError) {
        try property(name, bytes: u32.bytes(order))
    }

    /// Writes a property whose value is a 64-bit number. C: `fdt_property_u64`, for big-endian.
    public mutating func property(_ name: String, u64: UInt64, _ order: ByteOrder = .bigEndian) throws(FDTError) {
        try property(name, bytes: u64.bytes(order))
    }

    /// Writes a property whose value is a list of big-endian 32-bit cells.
    public mutating func property(_ name: String, cells: [UInt32]) throws(FDTError) {
        try property(name, bytes: EncodedValue.cells(cells))
    }
}

extension TreeEditor {
    /// Sets a property to a string and its NUL. C: `fdt_setprop_string`.
    public mutating func setProperty(_ name: String, of path: String, string: String) throws(FDTError) {
        try setProperty(name, of: path, bytes: EncodedValue.strings([string]))
    }

    /// Sets a property to a list of strings, each with its NUL.
    public mutating func setProperty(_ name: String, of path: String, strings: [String]) throws(FDTError) {
        try setProperty(name, of: path, bytes: EncodedValue.strings(strings))
    }

    /// Sets a property to a 32-bit number. C: `fdt_setprop_u32`, for big-endian.
    public mutating func setProperty(
        _ name: String, of path: String, u32: UInt32, _ order: ByteOrder = .bigEndian
    ) throws(FDTError) {
        try setProperty(name, of: path, bytes: u32.bytes(order))
    }

    /// Sets a property to a 64-bit number. C: `fdt_setprop_u64`, for big-endian.
    public mutating func setProperty(
        _ name: String, of path: String, u64: UInt64, _ order: ByteOrder = .bigEndian
    ) throws(FDTError) {
        try setProperty(name, of: path, bytes: u64.bytes(order))
    }

    /// Sets a property to a list of big-endian 32-bit cells.
    public mutating func setProperty(_ name: String, of path: String, cells: [UInt32]) throws(FDTError) {
        try setProperty(name, of: path, bytes: EncodedValue.cells(cells))
    }
}
