import KernelABI
import SystemPackage

/// Reads a document's JSON text (RFC 8259) value by value, through a window: the text is never held as a whole.
///
/// Foundation's decoder makes an object of every value before anybody asks for it; a handover of a million files
/// takes it twenty times as long.
public struct DocumentReader {
    /// Appends the next bytes of the text; none at its end.
    typealias Source = (inout [UInt8]) throws(FileError) -> Void

    private let source: Source
    /// A part of the text, from a value that is being read onwards.
    private var window: [UInt8] = []
    /// What of the window has been read.
    private var position = 0
    /// The number of lines before the window.
    private var lines = 0
    /// Names that were read last, by ``slot(of:)``: long lists repeat them, and so have them once.
    private var names = [KernelString](repeating: "", count: 64)

    init(_ source: @escaping Source) {
        self.source = source
    }

    /// Reads the document in the file at `path`; `-` is standard input.
    public static func read(_ path: FilePath) throws(DocumentReadError) -> HandoverState {
        guard path != "-" else { return try read(.standardInput, path: "standard input") }
        let file: FileDescriptor
        do throws(FileError) {
            file = try FileDescriptor.open(reading: path)
        } catch {
            throw .file(error)
        }
        defer { try? file.close() }
        return try read(file, path: path)
    }

    /// Reads the text that `descriptor` stands for from its offset on, which is all of it and one document.
    ///
    /// - Parameter path: The file's name in errors.
    public static func read(
        _ descriptor: FileDescriptor, path: FilePath
    ) throws(DocumentReadError) -> HandoverState {
        var reader = DocumentReader { (window) throws(FileError) in
            do throws(Errno) {
                try descriptor.readPortion(appendingTo: &window)
            } catch {
                throw error == .isDirectory ? .isDirectory(path: path) : .cannotRead(path: path, error)
            }
        }
        return try reader.document()
    }

    /// Reads a document that is in memory.
    public static func read(_ text: [UInt8]) throws(DocumentReadError) -> HandoverState {
        try read(text, portion: max(1, text.count))
    }

    /// Reads a document that comes in portions of so many bytes.
    static func read(_ text: [UInt8], portion: Int) throws(DocumentReadError) -> HandoverState {
        var rest = text[...]
        var reader = DocumentReader { window in
            window += rest.prefix(portion)
            rest = rest.dropFirst(portion)
        }
        return try reader.document()
    }

    private mutating func document() throws(DocumentReadError) -> HandoverState {
        if try next() == nil { throw .notJSON("there is no text") }
        let state = try HandoverState.form.read(from: &self)
        if try next() != nil { throw notJSON("nothing", instead: "the document has ended") }
        return state
    }

    // MARK: - Values

    /// Reads a string or a number that is an integer.
    mutating func number(_ expected: @autoclosure () -> String) throws(DocumentReadError) -> UInt64 {
        switch try next() ?? 0 {
        case UInt8(ascii: "\""):
            if let (number, end) = window.span.hexadecimalString(at: position) {
                position = end
                return number
            }
            let range = try scanString()
            if let number = window.span.number(in: range) { return number }
            throw .document("\"\(string(range))\" is not an integer from 0 to 0xffffffffffffffff")
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            let range = try scanNumber()
            if range.count > 1, window[range.lowerBound] == UInt8(ascii: "0"), window.span.decimal(in: range) != nil {
                throw notJSON("no zero before a number", instead: "\(string(range))")
            }
            if let number = window.span.decimal(in: range) { return number }
            // Other writers have other forms of integers: 1e3, 4096.0.
            if let number = Double(string(range)).flatMap(UInt64.init(exactly:)) { return number }
            throw .document(expected())
        default:
            try skipWord()
            throw .document(expected())
        }
    }

    /// Reads a string; `nil`, and nothing is read, where another value stands.
    mutating func stringIfPresent() throws(DocumentReadError) -> String? {
        guard try next() == UInt8(ascii: "\"") else { return nil }
        let range = try scanString()
        return string(range)
    }

    /// Reads a string as a name, which has no NUL; `nil`, and nothing is read, where another value stands.
    mutating func nameIfPresent() throws(DocumentReadError) -> KernelString? {
        guard try next() == UInt8(ascii: "\"") else { return nil }
        let range = try scanString()
        let slot = slot(of: range)
        if isEqual(range, names[slot].bytes) { return names[slot] }
        let name = KernelString(bytes: Array(window[range]))
        guard !name.bytes.contains(0) else { throw .document("a name cannot hold a NUL") }
        names[slot] = name
        return name
    }

    mutating func boolean() throws(DocumentReadError) -> Bool {
        switch try skipWord() {
        case "true": return true
        case "false": return false
        default: throw .document("expected true or false")
        }
    }

    /// Reads an array, whose elements `element` reads.
    mutating func array(
        _ element: (inout DocumentReader) throws(DocumentReadError) -> Void
    ) throws(DocumentReadError) {
        guard try next() == UInt8(ascii: "[") else { throw .document("expected an array") }
        position += 1
        var index = 0
        while try goOn(to: UInt8(ascii: "]"), isFirst: index == 0) {
            do throws(DocumentReadError) {
                try element(&self)
            } catch {
                throw error.inside("[\(index)]")
            }
            index += 1
        }
    }

    // MARK: - Objects

    mutating func beginObject(_ summary: String) throws(DocumentReadError) {
        guard try next() == UInt8(ascii: "{") else { throw .document("expected an object: \(summary)") }
        position += 1
    }

    /// Finds the next key of an object among others; `nil` at the object's end.
    ///
    /// - Parameter find: gives the index of the key, or throws.
    mutating func key(
        isFirst: Bool, _ find: (borrowing DocumentReader, Range<Int>) throws(DocumentReadError) -> Int
    ) throws(DocumentReadError) -> Int? {
        guard try goOn(to: UInt8(ascii: "}"), isFirst: isFirst) else { return nil }
        guard window[position] == UInt8(ascii: "\"") else { throw notJSON("a key") }
        let text = try scanString()
        let key = try find(self, text)
        guard try next() == UInt8(ascii: ":") else { throw notJSON("\":\"") }
        position += 1
        return key
    }

    /// Goes on to the value of a member where it is the next one, and stands as most do: behind white space, with its
    /// colon at its key. Where it does not, nothing is read.
    @inline(__always)
    mutating func goOn(toMember key: RawSpan, isFirst: Bool) -> Bool {
        guard let end = window.span.endOfKey(key, from: position, isFirst: isFirst) else { return false }
        position = end
        return true
    }

    /// Whether the bytes of the window are these.
    func isEqual(_ range: Range<Int>, _ bytes: [UInt8]) -> Bool {
        isEqual(range, bytes.span.bytes)
    }

    func isEqual(_ range: Range<Int>, _ bytes: RawSpan) -> Bool {
        window.span.bytes.extracting(range).isEqual(to: bytes)
    }

    func string(_ range: Range<Int>) -> String {
        String(decoding: window[range], as: UTF8.self)
    }

    // MARK: - Text

    /// The first byte of the next value or sign, where reading goes on; `nil` at the end of the text.
    @inline(__always)
    private mutating func next() throws(DocumentReadError) -> UInt8? {
        if position < window.count, window[position] > 0x20 { return window[position] }
        return try nextBehindSpace()
    }

    private mutating func nextBehindSpace() throws(DocumentReadError) -> UInt8? {
        while true {
            let start = position
            position = window.span.endOfSpace(from: start)
            if position < window.count { return window[position] }
            if try !fill(keeping: position) { return nil }
        }
    }

    /// Goes on to the next element or member; `false` where `end` ends the list instead.
    private mutating func goOn(to end: UInt8, isFirst: Bool) throws(DocumentReadError) -> Bool {
        let byte = try next()
        if byte == end {
            position += 1
            return false
        }
        if isFirst, byte != nil { return true }
        guard byte == UInt8(ascii: ",") else { throw notJSON("\",\" or \"\(UnicodeScalar(end))\"") }
        position += 1
        guard try next() != nil else { throw notJSON("a value") }
        return true
    }

    /// Reads the string that begins here, and resolves its escapes in place.
    ///
    /// - Returns: where in the window its bytes are, as long as nothing else is read.
    private mutating func scanString() throws(DocumentReadError) -> Range<Int> {
        var length = 1
        var isPlain = true
        var isASCII = true
        while true {
            let found = window.span.endOfPlainText(from: position + length, &isASCII)
            length = found - position
            guard found < window.count else {
                guard try fill(keeping: position) else { throw notJSON("the end of a string") }
                continue
            }
            if window[found] == UInt8(ascii: "\"") { break }
            guard window[found] == UInt8(ascii: "\\") else {
                position = found
                throw notJSON("no control character in a string")
            }
            isPlain = false
            length += 2
        }
        var range = position + 1..<position + length
        position += length + 1
        if !isPlain { range = try unescape(range) }
        if !isASCII, String(validating: window[range], as: UTF8.self) == nil { throw notJSON("UTF-8") }
        return range
    }

    private mutating func unescape(_ range: Range<Int>) throws(DocumentReadError) -> Range<Int> {
        var text: [UInt8] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = window[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            let escape = window[index]
            index += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"): text += try unescapeUnicode(&index, range.upperBound)
            default: throw notJSON("an escape that JSON has")
            }
        }
        window.replaceSubrange(range.lowerBound..<range.lowerBound + text.count, with: text)
        return range.lowerBound..<range.lowerBound + text.count
    }

    /// The UTF-8 of the escape whose digits begin at `index`, and of the other half of its pair.
    private func unescapeUnicode(_ index: inout Int, _ end: Int) throws(DocumentReadError) -> [UInt8] {
        func unit() throws(DocumentReadError) -> UInt16 {
            guard index + 4 <= end,
                let unit = UInt16(String(decoding: window[index..<index + 4], as: UTF8.self), radix: 16),
                window[index] != UInt8(ascii: "+"), window[index] != UInt8(ascii: "-")
            else { throw notJSON("four hexadecimal digits behind \\u") }
            index += 4
            return unit
        }
        var units = [try unit()]
        if UTF16.isLeadSurrogate(units[0]), index + 2 <= end, window[index] == UInt8(ascii: "\\"),
            window[index + 1] == UInt8(ascii: "u")
        {
            index += 2
            units.append(try unit())
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw notJSON("whole surrogate pairs") }
        return Array(text.utf8)
    }

    /// Reads the number that begins here.
    private mutating func scanNumber() throws(DocumentReadError) -> Range<Int> {
        var length = 0
        while true {
            while position + length < window.count {
                switch window[position + length] {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
                    UInt8(ascii: "e"), UInt8(ascii: "E"):
                    length += 1
                default:
                    defer { position += length }
                    return position..<position + length
                }
            }
            if try !fill(keeping: position) {
                defer { position += length }
                return position..<position + length
            }
        }
    }

    /// Reads a word such as `true`, for what it is; of any other value, nothing.
    @discardableResult
    private mutating func skipWord() throws(DocumentReadError) -> String {
        guard let first = try next() else { throw notJSON("a value") }
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""), UInt8(ascii: "-"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            return ""
        default: break
        }
        for word in ["true", "false", "null"] {
            let bytes = Array(word.utf8)
            while window.count - position < bytes.count, try fill(keeping: position) {}
            if window[position...].starts(with: bytes) {
                position += bytes.count
                return word
            }
        }
        throw notJSON("a value")
    }

    /// Drops what comes before `kept`, and reads on; `false` at the end of the text. The offset `kept` becomes 0.
    private mutating func fill(keeping kept: Int) throws(DocumentReadError) -> Bool {
        lines += window.span.lineCount(before: kept)
        window.removeSubrange(0..<kept)
        position -= kept
        let count = window.count
        do throws(FileError) {
            try source(&window)
        } catch {
            throw .file(error)
        }
        return window.count > count
    }

    /// - Parameter found: what is there instead, where the next byte does not say it.
    private func notJSON(_ expected: String, instead found: String? = nil) -> DocumentReadError {
        let before = window[..<min(position, window.count)]
        let line = lines + before.count { $0 == 0x0a } + 1
        let here = position < window.count ? "here" : "at the end"
        return .notJSON("line \(line): expected \(expected) \(here)" + (found.map { "; \($0)" } ?? ""))
    }

    private func slot(of range: Range<Int>) -> Int {
        if range.isEmpty { return 0 }
        return (range.count &* 7 &+ Int(window[range.lowerBound]) &+ Int(window[range.upperBound - 1]) &* 3) % names.count
    }
}

// MARK: - Bytes

// Text of a hundred megabytes goes through here: eight bytes at a time where that is possible.
extension Span<UInt8> {
    private func word(at position: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    /// Where white space ends that begins at `start`.
    fileprivate func endOfSpace(from start: Int) -> Int {
        var position = start
        while position < count {
            let byte = self[position]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return position }
            position += 1
            // Most of it is indentation.
            while position + 8 <= count {
                let other = word(at: position) ^ 0x2020_2020_2020_2020
                position += other == 0 ? 8 : other.trailingZeroBitCount / 8
                if other != 0 { break }
            }
        }
        return position
    }

    /// Where the value begins, or the space before it, of a member of this key; `nil` where it does not stand here whole.
    @inline(__always)
    fileprivate func endOfKey(_ key: RawSpan, from start: Int, isFirst: Bool) -> Int? {
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

    /// The number of line feeds before `end`.
    fileprivate func lineCount(before end: Int) -> Int {
        let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
        var count = 0
        var position = 0
        while position + 8 <= end {
            // Each byte of `counts` counts those in its place, as far as a byte can count.
            var counts: UInt64 = 0
            for _ in 0..<Swift.min((end - position) / 8, 255) {
                let word = word(at: position) ^ 0x0a0a_0a0a_0a0a_0a0a
                counts &+= ~((word & low &+ low) | word | low) >> 7
                position += 8
            }
            while counts != 0 {
                count += Int(counts & 0xff)
                counts >>= 8
            }
        }
        while position < end {
            if self[position] == 0x0a { count += 1 }
            position += 1
        }
        return count
    }

    /// Where the quotation mark, the escape or the control character is that ends plain text, or the span's end.
    fileprivate func endOfPlainText(from start: Int, _ isASCII: inout Bool) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        var position = start
        while position + 8 <= count {
            let word = word(at: position)
            let quote = word ^ ones * UInt64(UInt8(ascii: "\""))
            let backslash = word ^ ones * UInt64(UInt8(ascii: "\\"))
            // The top bit of every byte that is less than another; of those behind the first, perhaps wrongly so.
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

    /// The hexadecimal number that the string holds which begins at `start`, and where the string ends; `nil` where it
    /// holds something else, or goes on behind the span.
    fileprivate func hexadecimalString(at start: Int) -> (number: UInt64, end: Int)? {
        // The longest one, and a word read beyond its last digits.
        guard start + 32 <= count, self[start + 1] == UInt8(ascii: "0"), self[start + 2] | 0x20 == UInt8(ascii: "x")
        else { return nil }
        var position = start + 3
        var value: UInt64 = 0
        while let digits = Self.hexadecimal(word(at: position)) {
            guard value >> 32 == 0, position < start + 19 else { return nil }
            value = value << 32 | digits
            position += 8
        }
        while let digit = Self.hexadecimal(self[position]) {
            guard value >> 60 == 0, position < start + 19 else { return nil }
            value = value << 4 | digit
            position += 1
        }
        guard position > start + 3, self[position] == UInt8(ascii: "\"") else { return nil }
        return (value, position + 1)
    }

    /// A number in a string: decimal, or hexadecimal behind `0x`.
    fileprivate func number(in range: Range<Int>) -> UInt64? {
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

    /// The number that a word of eight hexadecimal digits is.
    private static func hexadecimal(_ word: UInt64) -> UInt64? {
        func each(_ byte: UInt64) -> UInt64 { 0x0101_0101_0101_0101 &* byte }
        // Letters in lower case; digits have this bit, and control characters are not to get it.
        let text = word | each(0x20)
        let isLetter = (text >> 6) & each(1)
        let values = (text & each(0x0f)) &+ isLetter &* 9
        // Each byte is what its value is written as, and letters are those for 10 to 15.
        guard (word >> 5 | word >> 6) & each(1) == each(1), values & each(0xf0) == 0,
            values &+ each(0x30) &+ isLetter &* 0x27 == text, ((values &+ each(6)) >> 4) & each(1) == isLetter
        else { return nil }
        // The first digit is in the lowest byte, and counts most.
        let pairs = values << 4 | values >> 8
        let fours = (pairs & 0x0000_00ff_0000_00ff) << 8 | (pairs >> 16) & 0x0000_00ff_0000_00ff
        return (fours & 0xffff) << 16 | fours >> 32
    }

    fileprivate func decimal(in range: Range<Int>) -> UInt64? {
        guard !range.isEmpty else { return nil }
        var value: UInt64 = 0
        for position in range {
            let byte = self[position]
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}

/// Why a document could not be read.
public enum DocumentReadError: Error, Hashable, Sendable {
    case file(FileError)
    /// The text is not JSON: where, and what was expected there.
    case notJSON(String)
    /// It does not describe a handover.
    case document(DocumentError)

    static func document(_ problem: String) -> DocumentReadError {
        .document(DocumentError(path: "", problem: problem))
    }

    /// The error as what is around the place says it: with one more step before its path.
    func inside(_ step: String) -> DocumentReadError {
        guard case .document(let error) = self else { return self }
        let path = error.path == "." ? step : step + error.path
        return .document(DocumentError(path: path, problem: error.problem))
    }
}

extension DocumentReadError {
    /// The error, and which file it is about.
    public func description(of path: FilePath) -> String {
        // What is wrong with a file names it already.
        if case .file(let error) = self { "\(error)" } else { "\(path): \(self)" }
    }
}

extension DocumentReadError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let error): "\(error)"
        case .notJSON(let reason): "this is not JSON: \(reason)"
        case .document(let error): "\(error)"
        }
    }
}
