import TestSupport

/// The trees in `Fixtures/fdt`.
enum Trees {
    static func bytes(_ name: String) throws -> [UInt8] { try Fixture.bytes("fdt/\(name)") }

    /// Trees that real kernels handed over, all complete.
    static let captures = [
        "linux-6.18/kho-root.dtb", "linux-6.18/memblock.dtb", "linux-6.18/kho_test.dtb",
        "linux-6.19/kho-root.dtb", "linux-6.19/memblock.dtb", "linux-6.19/kho_test.dtb", "linux-6.19/LUO.dtb",
        "linux-7.1/kho-root.dtb", "linux-7.1/memblock.dtb", "linux-7.1/kho_test.dtb", "linux-7.1/LUO.dtb",
        "linux-7.3/kho-root.dtb", "linux-7.3/memblock.dtb", "linux-7.3/kho_test.dtb",
    ]

    /// Trees compiled by dtc from the sources next to them.
    static let compiled = ["board.dtb", "board-v16.dtb", "board-v3.dtb"]
}
