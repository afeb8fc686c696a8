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
        // Arguments, help texts, completions and the manual page, as in other Swift commands.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Opening, reading and writing files with typed errors instead of errno.
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        // Starts QEMU, reads its output, and ends it with its task. Without its extensions of Foundation.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // libfdt: the kernel's own FDT library, so that our bytes come from the kernel's calls.
        .systemLibrary(name: "CLibFDT", providers: [.apt(["libfdt-dev"]), .brew(["dtc"])]),
        // zlib, zstd and snappy decompress the pages of crash dumps. libkdumpfile, which also reads such dumps, trusts
        // their headers and ends with a signal on a damaged one.
        .systemLibrary(name: "CCompression", providers: [.apt(["zlib1g-dev", "libzstd-dev", "libsnappy-dev"])]),
        // libbpf: reads a kernel's own type information.
        .systemLibrary(name: "CLibBPF", providers: [.apt(["libbpf-dev"])]),

        // mallopt(3): makes room for a million small arrays in one step.
        .systemLibrary(name: "CMalloc"),

        // renameat2(2): replaces a directory as a whole.
        .systemLibrary(name: "CFiles"),

        // sched_setaffinity(2): runs threads that take turns on one processor.
        .systemLibrary(name: "CProcessors"),

        .target(name: "FDT", dependencies: ["CLibFDT"]),
        .target(name: "KernelABI"),
        .target(name: "KernelBTF", dependencies: ["CLibBPF", "KernelABI"]),
        .target(
            name: "Handover",
            dependencies: [
                "FDT", "KernelABI", "CCompression", "CFiles",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Contents/Catalogue")]),
        .target(
            name: "LiveUpdate",
            dependencies: [
                "KernelABI", "Handover", "CProcessors",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "KernelBoot",
            dependencies: [
                "FDT", "KernelABI", "Handover",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .executableTarget(
            name: "luo-fdt",
            dependencies: [
                "FDT", "KernelABI", "KernelBTF", "Handover", "LiveUpdate", "KernelBoot", "CMalloc",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // Compares `check` with real kernels: `make kernel-test`.
        .executableTarget(
            name: "kernel-oracle",
            dependencies: [
                "KernelABI", "Handover", "KernelBoot", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/Kernel/Oracle"),

        // Code shared by the tests.
        .target(
            name: "TestSupport",
            dependencies: [
                "KernelABI", "Handover", .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/TestSupport"),
        .testTarget(name: "FDTTests", dependencies: ["FDT", "CLibFDT", "TestSupport"]),
        .testTarget(name: "KernelABITests", dependencies: ["KernelABI", "TestSupport"]),
        .testTarget(name: "KernelBTFTests", dependencies: ["KernelBTF", "TestSupport"]),
        .testTarget(name: "HandoverTests", dependencies: ["Handover", "FDT", "KernelABI", "TestSupport"]),
        .testTarget(name: "LiveUpdateTests", dependencies: ["LiveUpdate", "TestSupport"]),
        .testTarget(name: "KernelBootTests", dependencies: ["KernelBoot", "Handover", "KernelABI"]),
        .testTarget(name: "CommandTests", dependencies: ["luo-fdt", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)

// The pages of `make docs`. Packages that use the library do not fetch it.
if Context.environment["LUO_FDT_DOCS"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

// Requires -sanitize=fuzzer, which would link libFuzzer's main into everything: only `make fuzz` enables it.
if Context.environment["LUO_FDT_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "handover-fuzz",
            dependencies: [
                "FDT", "KernelABI", "Handover", "LiveUpdate",
                .product(name: "SystemPackage", package: "swift-system"),
            ]))
}
