// Feeds hostile handovers to everything that reads them. Built by `make fuzz`, which turns libFuzzer on: its main calls
// this for every input.

private let handovers = FuzzedHandovers()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    handovers.read(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}
