// Feeds hostile handovers to everything that reads them. To be built by `make fuzz`, which turns libFuzzer on.

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

let handovers = FuzzedHandovers()

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
_ = runDriver(&count, &arguments) { bytes, count in
    handovers.read(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}
