// Feeds hostile bytes to everything that accepts a user's bytes. Built by `make fuzz`, which enables libFuzzer: its
// main calls this for every input.

private let entrances = Entrance.all()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: count)
    guard let mark = input.first, let read = entrances[mark] else { return -1 }
    read([UInt8](input.dropFirst()))
    return 0
}
