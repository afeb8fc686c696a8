// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "luo-fdt",
    products: [
        .library(name: "FDT", targets: ["FDT"]),
        .library(name: "KernelABI", targets: ["KernelABI"]),
        .library(name: "Handover", targets: ["Handover"]),
        .library(name: "LiveUpdate", targets: ["LiveUpdate"]),
        .executable(name: "luo-fdt", targets: ["luo-fdt"]),
    ],
    dependencies: [
        // Arguments, help texts, completions and the manual page: what every Swift command uses.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Opening, reading and writing files with typed errors instead of errno.
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // libfdt: the kernel's own FDT library, so that our bytes come from the calls that the kernel makes.
        .systemLibrary(name: "CLibFDT", providers: [.apt(["libfdt-dev"]), .brew(["dtc"])]),
        // libkdumpfile: reads kdump-compressed and every other crash dump. Its header only: the library is
        // loaded when a dump needs it, so that the command runs where it is not installed.
        .systemLibrary(name: "CKdumpFile", providers: [.apt(["libkdumpfile-dev"])]),
        // libbpf: reads a kernel's own type information.
        .systemLibrary(name: "CLibBPF", providers: [.apt(["libbpf-dev"])]),

        // mallopt(3): room for a million small arrays is made in one step.
        .systemLibrary(name: "CMalloc"),

        // renameat2(2): a directory is replaced as a whole.
        .systemLibrary(name: "CFiles"),

        .target(name: "FDT", dependencies: ["CLibFDT"]),
        .target(name: "KernelABI"),
        .target(name: "KernelBTF", dependencies: ["CLibBPF", "KernelABI"]),
        .target(
            name: "Handover",
            dependencies: [
                "FDT", "KernelABI", "CKdumpFile", "CFiles",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Contents/Catalogue")]),
        .target(
            name: "LiveUpdate",
            dependencies: [
                "KernelABI", "Handover",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .executableTarget(
            name: "luo-fdt",
            dependencies: [
                "FDT", "KernelABI", "KernelBTF", "Handover", "LiveUpdate", "CMalloc",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        .testTarget(name: "FDTTests", dependencies: ["FDT", "CLibFDT"]),
        .testTarget(name: "KernelABITests", dependencies: ["KernelABI"]),
        .testTarget(name: "KernelBTFTests", dependencies: ["KernelBTF"]),
        .testTarget(name: "HandoverTests", dependencies: ["Handover", "FDT", "KernelABI"]),
        .testTarget(name: "LiveUpdateTests", dependencies: ["LiveUpdate"]),
        .testTarget(name: "CommandTests", dependencies: ["luo-fdt"]),
    ],
    swiftLanguageModes: [.v6]
)

// Needs -sanitize=fuzzer, which would give everything else a main of libFuzzer's own: `make fuzz` asks for it.
if Context.environment["LUO_FDT_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "handover-fuzz",
            dependencies: [
                "FDT", "KernelABI", "Handover", .product(name: "SystemPackage", package: "swift-system"),
            ]))
}
