import Benchmark
import FDT
import Handover
import KernelABI
import Workloads

private let seed: UInt64 = 1

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = Benchmark.Configuration(
        metrics: [.wallClock, .cpuTotal, .peakMemoryResident], maxDuration: .seconds(5), maxIterations: 20)

    let sessions = Scale.scaled(ManyFiles.fullSize)
    let files = sessions * ManyFiles(sessions: sessions, seed: seed).filesPerSession
    Benchmark("read \(files) files") { (_, memory: InMemory) in
        blackHole(try memory.read())
    } setup: {
        try InMemory(HandoverImage(withoutFilesOf: ManyFiles(sessions: sessions, seed: seed).state))
    }

    Benchmark("write \(files) files as JSON") { (_, state: HandoverState) in
        var count = 0
        var writer = DocumentWriter { count += $0.count }
        writer.write(state)
        blackHole(count)
    } setup: {
        try HandoverImage(withoutFilesOf: ManyFiles(sessions: sessions, seed: seed).state).state
    }

    Benchmark("plan and lay out \(files) files") { (_, state: HandoverState) in
        blackHole(try HandoverImage(withoutFilesOf: state))
    } setup: {
        ManyFiles(sessions: sessions, seed: seed).state
    }

    let leaves = Scale.scaled(PreservedMap.fullSize)
    Benchmark("read a map of \(leaves) leaves") { (_, memory: InMemory) in
        blackHole(try memory.read())
    } setup: {
        try InMemory(PreservedMap(leaves: leaves, seed: seed).image())
    }

    Benchmark("summarize a map of \(leaves) leaves") { (_, preserved: PreservedState?) in
        blackHole(preserved?.summary(pageSize: .kib4))
    } setup: {
        try PreservedMap(leaves: leaves, seed: seed).image().state.preserved
    }

    let siblings = Scale.scaled(200_000)
    Benchmark("open and check an FDT of \(siblings) siblings") { (_, bytes: [UInt8]) in
        blackHole(try FlattenedTree(bytes))
    } setup: {
        try SiblingTree.tree(nodes: siblings, seed: seed).bytes
    }

    Benchmark("scan an FDT of \(siblings) siblings") { (_, tree: FlattenedTree) in
        var count = 0
        tree.scan { step in
            switch step {
            case .beginNode(let name, _): count += name.byteCount
            case .property(let name, let value): count += name.byteCount + value.byteCount
            case .endNode, .nop: break
            }
        }
        blackHole(count)
    } setup: {
        try SiblingTree.tree(nodes: siblings, seed: seed)
    }

    let hostSize = UInt64(Scale.scaled(1024)) << 20
    Benchmark("find the root in \(hostSize >> 20) MiB") { (_, memory: InMemory) in
        let scan = RootScan(of: memory.core)
        guard scan.candidates == [memory.rootAddress] else { throw UnsoundInput() }
    } setup: {
        let memory = try HostMemory(size: hostSize, seed: seed)
        return try InMemory(memory.image, memory: memory)
    }

    // One image per iteration, so that throughput is images per second; a leak shows as a peak that is higher in the
    // last percentile than in the first.
    var number: UInt64 = 0
    Benchmark(
        "build a small image, 10000 times",
        configuration: Benchmark.Configuration(
            metrics: [.wallClock, .throughput, .cpuTotal, .peakMemoryResident], maxDuration: .seconds(120),
            maxIterations: 10_000)
    ) { _ in
        number += 1
        blackHole(try SmallHandover.image(number))
    }
}
