/// LZO1X decompression, for pages of dumps.
///
/// The LZO library's licence is incompatible with ours, and the format is simple; see the kernel's
/// `Documentation/staging/lzo.rst`.
enum LZO {
    /// Decompresses `input` until `output` is full.
    ///
    /// - Returns: The number of bytes produced; `nil` if the input is damaged, or expands to more than `output` can
    ///   hold.
    static func expand(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        var stream = Stream(input: input)
        var count = 0
        /// The number of literals that the last instruction copied; 4 for more than 3.
        var state = 0

        func copyLiterals(_ length: Int) -> Bool {
            guard length <= output.count - count, length <= input.count - stream.position else { return false }
            UnsafeMutableRawBufferPointer(rebasing: output[count..<count + length])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: input[stream.position..<stream.position + length]))
            count += length
            stream.position += length
            return true
        }

        if let first = stream.peek, first > 17 {
            stream.position += 1
            let length = Int(first) - 17
            guard copyLiterals(length) else { return nil }
            state = min(length, 4)
        }
        while true {
            guard let instruction = stream.next() else { return nil }
            let distance: Int
            let length: Int
            let literals: Int
            switch instruction {
            case 64...:
                guard let high = stream.next() else { return nil }
                length = (instruction >> 5) + 1
                distance = high << 3 + (instruction >> 2) & 7 + 1
                literals = instruction & 3
            case 32...:
                guard let long = stream.length(instruction, bits: 5), let low = stream.next(), let high = stream.next()
                else { return nil }
                length = long + 2
                distance = (high << 8 | low) >> 2 + 1
                literals = low & 3
            case 16...:
                guard let long = stream.length(instruction, bits: 3), let low = stream.next(), let high = stream.next()
                else { return nil }
                length = long + 2
                let near = (instruction & 8) << 11 + (high << 8 | low) >> 2
                if near == 0 { return count }
                distance = near + 16384
                literals = low & 3
            default:
                if state == 0 {
                    guard let long = stream.length(instruction, bits: 4), copyLiterals(long + 3) else { return nil }
                    state = 4
                    continue
                }
                guard let high = stream.next() else { return nil }
                length = state == 4 ? 3 : 2
                distance = high << 2 + instruction >> 2 + (state == 4 ? 2049 : 1)
                literals = instruction & 3
            }
            guard distance <= count, length <= output.count - count else { return nil }
            // The source may overlap with what is being copied.
            for index in count..<count + length { output[index] = output[index - distance] }
            count += length
            guard copyLiterals(literals) else { return nil }
            state = literals
        }
    }

    private struct Stream {
        let input: UnsafeRawBufferPointer
        var position = 0

        var peek: UInt8? { position < input.count ? input[position] : nil }

        mutating func next() -> Int? {
            guard let byte = peek else { return nil }
            position += 1
            return Int(byte)
        }

        /// A length encoded in the lowest `bits` of the instruction; if they are 0, it continues in the following
        /// bytes.
        mutating func length(_ instruction: Int, bits: Int) -> Int? {
            let mask = 1 << bits - 1
            var length = instruction & mask
            if length > 0 { return length }
            length = mask
            while true {
                guard let byte = next() else { return nil }
                if byte > 0 { return length + byte }
                length += 255
            }
        }
    }
}
