// Finds elements of JSON in text. Processes eight bytes or more at a time where possible, as texts may have a hundred
// megabytes.
extension Span<UInt8> {
    private func word(at position: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// The end of the white space that begins at `start`.
    func endOfSpace(from start: Int) -> Int {
        var position = start
        while position < count {
            let byte = self[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return position }
            position += 1
            // Most white space is indentation.
            while position + 8 <= count {
                let other = word(at: position) ^ 0x2020_2020_2020_2020
                position += other == 0 ? 8 : other.trailingZeroBitCount / 8
                if other != 0 { break }
            }
        }
        return position
    }

    /// The start of the value of a member with this key, or of the white space before it; `nil` if the member is not
    /// completely here.
    @inline(__always)
    func endOfKey(_ key: RawSpan, from start: Int, isFirst: Bool) -> Int? {
        var position = start
        if !isFirst {
            guard position < count, self[position] == UInt8(ascii: ",") else { return nil }
            position += 1
        }
        position = endOfSpace(from: position)
        let end = position + key.byteCount + 3
        guard end < count, self[position] == UInt8(ascii: "\""), self[end - 2] == UInt8(ascii: "\""),
            self[end - 1] == UInt8(ascii: ":"), bytes.extracting(position + 1..<end - 2).isEqual(to: key)
        else { return nil }
        return self[end] == 0x20 ? end + 1 : end
    }

    /// The number of line feeds in `start..<end`.
    func lineCount(from start: Int, before end: Int) -> Int {
        let low = SIMD8<UInt64>(repeating: 0x7f7f_7f7f_7f7f_7f7f)
        let lineFeeds = SIMD8<UInt64>(repeating: 0x0a0a_0a0a_0a0a_0a0a)
        var count = 0
        var position = start
        while position + 64 <= end {
            // Each byte of `counts` counts the matches in its position, until it would overflow.
            var counts = SIMD8<UInt64>.zero
            for _ in 0..<Swift.min((end - position) / 64, 255) {
                let words = bytes.unsafeLoadUnaligned(fromByteOffset: position, as: SIMD8<UInt64>.self) ^ lineFeeds
                counts &+= ~(((words & low) &+ low) | words | low) &>> 7
                position += 64
            }
            for index in counts.indices {
                for shift in stride(from: UInt64(0), to: 64, by: 8) { count += Int(counts[index] >> shift & 0xff) }
            }
        }
        while position < end {
            if self[position] == 0x0a { count += 1 }
            position += 1
        }
        return count
    }

    /// The position of the quotation mark, escape or control character that ends plain text, or the end of the span.
    func endOfPlainText(from start: Int, _ isASCII: inout Bool) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        var position = start
        while position + 8 <= count {
            let word = word(at: position)
            let quote = word ^ ones * UInt64(UInt8(ascii: "\""))
            let backslash = word ^ ones * UInt64(UInt8(ascii: "\\"))
            // Sets the top bit of every byte that matches, and possibly of bytes after the first match.
            let ends = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word
            let length = (ends & tops).trailingZeroBitCount / 8
            if word & tops & ~(~0 << UInt64(length * 8)) != 0 { isASCII = false }
            position += length
            if length < 8 { return position }
        }
        while position < count {
            let byte = self[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return position }
            if byte >= 0x80 { isASCII = false }
            position += 1
        }
        return position
    }

    /// The hexadecimal number in the string that begins at `start`, and the end of the string; `nil` if it contains
    /// something else, or extends past the span.
    func hexadecimalString(at start: Int) -> (number: UInt64, end: Int)? {
        // The longest string, plus a word read past its last digits.
        guard start + 32 <= count, self[start + 1] == UInt8(ascii: "0"), self[start + 2] | 0x20 == UInt8(ascii: "x")
        else { return nil }
        let end = start + 3 + UInt64.bitWidth / 4
        var position = start + 3
        var value: UInt64 = 0
        while position + 8 <= end, let digits = Self.hexadecimal(word(at: position)) {
            value = value << 32 | digits
            position += 8
        }
        while position < end, let digit = Self.hexadecimal(self[position]) {
            value = value << 4 | digit
            position += 1
        }
        guard position > start + 3, self[position] == UInt8(ascii: "\"") else { return nil }
        return (value, position + 1)
    }

    /// A number in a string: decimal, or hexadecimal with prefix `0x`.
    func number(in range: Range<Int>) -> UInt64? {
        guard range.count > 2, self[range.lowerBound] == UInt8(ascii: "0"),
            self[range.lowerBound + 1] | 0x20 == UInt8(ascii: "x")
        else { return decimal(in: range) }
        var value: UInt64 = 0
        for position in range.dropFirst(2) {
            guard value >> 60 == 0, let digit = Self.hexadecimal(self[position]) else { return nil }
            value = value << 4 | digit
        }
        return value
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt64? {
        let digit = byte &- UInt8(ascii: "0")
        if digit < 10 { return UInt64(digit) }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? UInt64(letter) + 10 : nil
    }

    /// The value of a word of eight hexadecimal digits.
    private static func hexadecimal(_ word: UInt64) -> UInt64? {
        func each(_ byte: UInt64) -> UInt64 { 0x0101_0101_0101_0101 &* byte }
        // Lower-cases letters. Digits have this bit already; it must not be added to control characters.
        let text = word | each(0x20)
        let isLetter = (text >> 6) & each(1)
        let values = (text & each(0x0f)) &+ isLetter &* 9
        // Each byte must be the digit for its value, and letters must be those for 10 to 15.
        guard (word >> 5 | word >> 6) & each(1) == each(1), values & each(0xf0) == 0,
            values &+ each(0x30) &+ isLetter &* 0x27 == text, ((values &+ each(6)) >> 4) & each(1) == isLetter
        else { return nil }
        // The first digit is in the lowest byte, but is the most significant.
        let pairs = values << 4 | values >> 8
        let fours = (pairs & 0x0000_00ff_0000_00ff) << 8 | (pairs >> 16) & 0x0000_00ff_0000_00ff
        return (fours & 0xffff) << 16 | fours >> 32
    }

    /// The value of a JSON number.
    enum JSONNumber {
        case integer(UInt64)
        /// Negative, fractional, or too large.
        case other
    }

    /// The number in `range`, in any JSON form, never rounded; `nil` if it is not a number.
    func jsonNumber(in range: Range<Int>) -> JSONNumber? {
        let isNegative = range.count > 0 && self[range.lowerBound] == UInt8(ascii: "-")
        let whole = digits(from: range.lowerBound + (isNegative ? 1 : 0), to: range.upperBound)
        guard whole.count == 1 || whole.count > 1 && self[whole.lowerBound] != UInt8(ascii: "0") else { return nil }
        var position = whole.upperBound
        var fraction = position..<position
        if position < range.upperBound, self[position] == UInt8(ascii: ".") {
            fraction = digits(from: position + 1, to: range.upperBound)
            if fraction.isEmpty { return nil }
            position = fraction.upperBound
        }
        var exponent = 0
        if position < range.upperBound, self[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            let sign = position < range.upperBound ? self[position] : 0
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            let power = digits(from: position, to: range.upperBound)
            if power.isEmpty { return nil }
            position = power.upperBound
            exponent = Int(clamping: Swift.min(decimal(in: power) ?? .max, 1 << 32))
            if sign == UInt8(ascii: "-") { exponent.negate() }
        }
        guard position == range.upperBound else { return nil }

        // The digits before the decimal point are the value; those after it must be zero.
        let point = whole.count + exponent
        var value: UInt64 = 0
        for index in 0..<whole.count + fraction.count {
            let place = index < whole.count ? whole.lowerBound + index : fraction.lowerBound + index - whole.count
            let digit = UInt64(self[place] - UInt8(ascii: "0"))
            if index < point {
                guard let next = Self.append(digit, to: value) else { return .other }
                value = next
            } else if digit != 0 {
                return .other
            }
        }
        var zeros = point - whole.count - fraction.count
        while zeros > 0, value > 0 {
            guard let next = Self.append(0, to: value) else { return .other }
            value = next
            zeros -= 1
        }
        return isNegative && value > 0 ? .other : .integer(value)
    }

    private func digits(from start: Int, to end: Int) -> Range<Int> {
        var position = start
        while position < end, UInt8(ascii: "0")...UInt8(ascii: "9") ~= self[position] { position += 1 }
        return start..<position
    }

    /// Appends a digit to a decimal number; `nil` on overflow.
    private static func append(_ digit: UInt64, to value: UInt64) -> UInt64? {
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(digit)
        return overflow || carry ? nil : sum
    }

    func decimal(in range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for position in range {
            let byte = self[position]
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte,
                let next = Self.append(UInt64(byte - UInt8(ascii: "0")), to: value)
            else { return nil }
            value = next
        }
        return value
    }
}
