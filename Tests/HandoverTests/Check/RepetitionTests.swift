import Testing

@testable import Handover

@Suite struct RepetitionTests {
    @Test func `numbers that are not twice are told from those that may be`() {
        #expect(!mayRepeat([]))
        #expect(!mayRepeat([7]))
        #expect(!mayRepeat(Array(1...1000)))
        #expect(!mayRepeat((1...1000).map { $0 &* 0x1_0000_0001 }))
        #expect(mayRepeat([1, 2, 3, 2]))
        #expect(mayRepeat(Array(1...1000) + [500]))
    }
}
