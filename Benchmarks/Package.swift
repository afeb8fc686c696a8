// swift-tools-version: 6.2
import PackageDescription

// A separate package, so that building or testing luo-fdt does not fetch what is only used for benchmarks.
let package = Package(
    name: "luo-fdt-benchmarks",
    dependencies: [
        .package(name: "luo-fdt", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        // Without the interposers, which replace malloc and the runtime's reference counting.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        // The inputs of the benchmarks, generated from a seed.
        .target(
            name: "Workloads",
            dependencies: [
                .product(name: "FDT", package: "luo-fdt"),
                .product(name: "KernelABI", package: "luo-fdt"),
                .product(name: "Handover", package: "luo-fdt"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Writes them to files, for benchmarks of whole commands.
        .executableTarget(
            name: "make-inputs",
            dependencies: [
                "Workloads",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Benchmarks of the library, without the command. The plugin requires it under Benchmarks.
        .executableTarget(
            name: "HandoverBenchmarks",
            dependencies: [
                "Workloads",
                .product(name: "FDT", package: "luo-fdt"),
                .product(name: "KernelABI", package: "luo-fdt"),
                .product(name: "Handover", package: "luo-fdt"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/HandoverBenchmarks",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ],
    swiftLanguageModes: [.v6]
)
