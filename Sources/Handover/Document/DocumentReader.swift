import KernelABI
import SystemPackage

/// Reads a document's JSON text (RFC 8259) value by value, through a window, so that the text is never in memory as a
/// whole.
///
/// Foundation's decoder creates an object for every value up front, which is too slow for a handover of a million
/// files.
public struct DocumentReader {
    /// Appends the next bytes of the text; none at the end.
    typealias Source = (inout [UInt8]) throws(FileError) -> Void

    private let source: Source
    /// The generations that a document may name.
    let generations: [Generation]
    /// A part of the text, starting at or before the current value.
    private var window: [UInt8] = []
    /// The number of bytes of the window that have been read.
    private var position = 0
    /// The number of open arrays and objects.
    private(set) var depth = 0
    /// The problems found so far, up to ``DocumentError/limit``; reported at the end.
    private(set) var problems: [DocumentError] = []
    /// The maximum nesting depth, as nested values are read by recursion.
    private static let deepest = 256
    /// The number of line feeds before ``counted``, a position in the window, and of bytes after the last of them.
    private var lines = 0
    private var columns = 0
    private var counted = 0
    /// Whether the window contains the rest of the text.
    private var hasEnded = false
    /// A cache of recently read names, by ``slot(of:)``: long lists repeat names, which then share storage.
    private var names = [KernelString](repeating: "", count: 64)

    init(generations: [Generation] = Generation.known, _ source: @escaping Source) {
        self.generations = generations
        self.source = source
    }

    /// Reads the document in the file at `path`; `-` is standard input.
    public static func read(_ path: FilePath) throws(DocumentReadError) -> HandoverState {
        try read(HandoverState.self, at: path)
    }

    /// Reads the text from `descriptor`, starting at its offset, to the end; it must be one document.
    ///
    /// - Parameters:
    ///   - descriptor: An open file; the caller closes it.
    ///   - path: The file's name in errors.
    public static func read(
        _ descriptor: FileDescriptor, path: FilePath
    ) throws(DocumentReadError) -> HandoverState {
        try read(HandoverState.self, from: descriptor, path: path)
    }

    /// Reads a document in memory.
    ///
    /// - Parameters:
    ///   - text: JSON in UTF-8.
    ///   - generations: The generations that it may name.
    public static func read(
        _ text: [UInt8], generations: [Generation] = Generation.known
    ) throws(DocumentReadError) -> HandoverState {
        try read(text, portion: max(1, text.count), generations: generations)
    }

    /// Reads a document in chunks of `portion` bytes.
    static func read(
        _ text: [UInt8], portion: Int, generations: [Generation] = Generation.known
    ) throws(DocumentReadError) -> HandoverState {
        var rest = text[...]
        var reader = DocumentReader(generations: generations) { window in
            window += rest.prefix(portion)
            rest = rest.dropFirst(portion)
        }
        return try reader.document(HandoverState.form.read)
    }

    /// Reads an object of any form from the file at `path`; `-` is standard input.
    package static func read<Object: DocumentObject>(
        _ object: Object.Type, at path: FilePath
    ) throws(DocumentReadError) -> Object {
        guard path != "-" else { return try read(Object.self, from: .standardInput, path: "standard input") }
        let file = try rethrow(FileDescriptor.open(reading: path), as: DocumentReadError.file)
        defer { try? file.close() }
        return try read(Object.self, from: file, path: path)
    }

    private static func read<Object: DocumentObject>(
        _ object: Object.Type, from descriptor: FileDescriptor, path: FilePath
    ) throws(DocumentReadError) -> Object {
        var reader = DocumentReader { (window) throws(FileError) in
            try rethrow(descriptor.readPortion(appendingTo: &window)) { (error: Errno) in
                error == .isDirectory ? FileError.isDirectory(path: path) : .cannotRead(path: path, error)
            }
        }
        return try reader.document(Object.form.read)
    }

    /// Reads an object of any form.
    package static func read<Object: DocumentObject>(
        _ object: Object.Type, from text: [UInt8]
    ) throws(DocumentReadError) -> Object {
        try read(text, Object.form.read)
    }

    /// Reads text that consists of one value.
    static func read<Value>(
        _ text: [UInt8], _ value: (inout DocumentReader) throws(DocumentReadError) -> Value
    ) throws(DocumentReadError) -> Value {
        var rest = text[...]
        var reader = DocumentReader { window in
            window += rest
            rest = []
        }
        return try reader.document(value)
    }

    private mutating func document<Value>(
        _ value: (inout DocumentReader) throws(DocumentReadError) -> Value
    ) throws(DocumentReadError) -> Value {
        // RFC 8259 allows ignoring a byte order mark, which some editors write.
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        while window.count < mark.count, try fill(keeping: 0) {}
        if window.starts(with: mark) { position = mark.count }
        if try next() == nil { throw .notJSON("empty text") }
        let depth = depth
        var state: Value?
        do throws(DocumentReadError) {
            state = try value(&self)
        } catch {
            try recover(from: error, inside: depth)
        }
        if try next() != nil { throw notJSON("the end of the document") }
        guard let state, problems.isEmpty else { throw .document(DocumentError(problems)) }
        return state
    }

    // MARK: - Problems

    /// Records an error in a value and continues after the value.
    ///
    /// - Parameter depth: The depth of the array or object that contains the value.
    /// - Throws: Errors in the text itself, after which reading cannot continue.
    mutating func recover(from error: DocumentReadError, inside depth: Int) throws(DocumentReadError) {
        guard case .document(let problem) = error else { throw error }
        note(problem)
        while let byte = try next() {
            let isSign = Self.signs.contains(byte) && byte != UInt8(ascii: "\"")
            if self.depth == depth, isSign, byte != UInt8(ascii: ":"), byte | 0x20 != UInt8(ascii: "{") { return }
            if byte | 0x20 == UInt8(ascii: "{") { self.depth += 1 }
            if byte | 0x20 == UInt8(ascii: "}") { self.depth -= 1 }
            if byte == UInt8(ascii: "\"") {
                position += try lengthOfString()
            } else if isSign {
                position += 1
            } else {
                var count = 0
                try skipBareWord { _ in count += 1 }
                guard count > 0 else { throw notJSON("a value") }
            }
        }
    }

    /// Records a problem.
    mutating func note(_ problem: DocumentError) {
        if problems.count < DocumentError.limit { problems.append(problem) }
    }

    /// Records a problem at a path within the current value, such as `.name`.
    package mutating func note(at path: String = "", _ problem: String) {
        note(DocumentError(path: path, problem: problem))
    }

    /// Prepends a step to the paths of the problems after the first `count`.
    mutating func placeProblems(since count: Int, inside step: @autoclosure () -> String) {
        guard problems.count > count else { return }
        let step = step()
        for index in count..<problems.count { problems[index] = problems[index].inside(step) }
    }

    /// Drops the problems after the first `count`, in favour of one that describes them better.
    mutating func dropProblems(since count: Int) {
        problems.removeSubrange(count...)
    }

    // MARK: - Values

    /// Reads an integer, given as a number or a string.
    mutating func number(_ expected: @autoclosure () -> String) throws(DocumentReadError) -> UInt64 {
        switch try next() ?? 0 {
        case UInt8(ascii: "\""):
            if let (number, end) = window.span.hexadecimalString(at: position) {
                position = end
                return number
            }
            let range = try scanString()
            if let number = window.span.number(in: range) { return number }
            throw .document("\(quoted(range)) is not an integer from 0 to 0xffffffffffffffff")
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            let range = try scanNumber()
            switch window.span.jsonNumber(in: range) {
            case .integer(let number): return number
            case .other: throw .document(expected())
            case nil: throw notJSON("a number", instead: string(range))
            }
        default:
            try skipWord()
            throw .document(expected())
        }
    }

    /// Reads a number of any form, or `null`, and returns its text.
    mutating func word() throws(DocumentReadError) -> String {
        switch try next() ?? 0 {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            let range = try scanNumber()
            guard window.span.jsonNumber(in: range) != nil else { throw notJSON("a number", instead: string(range)) }
            return string(range)
        default: return try skipWord()
        }
    }

    /// Reads an integer that may be negative.
    mutating func signedNumber(_ expected: @autoclosure () -> String) throws(DocumentReadError) -> Int64 {
        guard try next() == UInt8(ascii: "-") else {
            let number = try number(expected())
            guard let value = Int64(exactly: number) else { throw .document("\(number) does not fit") }
            return value
        }
        guard let value = Int64(try word()) else { throw .document(expected()) }
        return value
    }

    /// Reads a string; `nil`, without reading anything, if the next value is different.
    mutating func stringIfPresent() throws(DocumentReadError) -> String? {
        guard try next() == UInt8(ascii: "\"") else { return nil }
        let range = try scanString()
        return string(range)
    }

    /// Reads a string as a name, which contains no NUL; `nil`, without reading anything, if the next value is
    /// different.
    mutating func nameIfPresent() throws(DocumentReadError) -> KernelString? {
        guard try next() == UInt8(ascii: "\"") else { return nil }
        let range = try scanString()
        let slot = slot(of: range)
        if isEqual(range, names[slot].bytes) { return names[slot] }
        let name = KernelString(bytes: Array(window[range]))
        guard !name.bytes.contains(0) else { throw .document("a name cannot contain a NUL") }
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

    /// Reads an array, calling `element` to read each element.
    mutating func array(
        _ element: (inout DocumentReader) throws(DocumentReadError) -> Void
    ) throws(DocumentReadError) {
        guard try next() == UInt8(ascii: "[") else {
            try skipWord()
            throw .document("expected an array")
        }
        try open()
        let depth = depth
        var index = 0
        while try goOn(to: UInt8(ascii: "]"), isFirst: index == 0) {
            let known = problems.count
            do throws(DocumentReadError) {
                try element(&self)
            } catch {
                try recover(from: error, inside: depth)
            }
            placeProblems(since: known, inside: "[\(index)]")
            index += 1
        }
    }

    /// The first byte of the next value, without reading it; 0 at the end of the text.
    mutating func nextByte() throws(DocumentReadError) -> UInt8 { try next() ?? 0 }

    /// Reads any value without interpreting it, and returns its text.
    mutating func rawValue() throws(DocumentReadError) -> [UInt8] {
        guard try next() != nil else { throw notJSON("a value") }
        var text: [UInt8] = []
        var depth = 0
        repeat {
            guard let byte = try next() else { throw notJSON("the end of a value") }
            switch byte {
            case UInt8(ascii: "\""):
                let length = try lengthOfString()
                text += window[position..<position + length]
                position += length
            case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","),
                UInt8(ascii: ":"):
                if byte | 0x20 == UInt8(ascii: "{") { depth += 1 }
                if byte | 0x20 == UInt8(ascii: "}") { depth -= 1 }
                guard depth > 0 || byte | 0x20 == UInt8(ascii: "}") else { throw notJSON("a value") }
                text.append(byte)
                position += 1
            default:
                let start = text.count
                try skipBareWord { text.append($0) }
                guard text.count > start else { throw notJSON("a value") }
            }
        } while depth > 0
        return text
    }

    /// Skips any number or word.
    private mutating func skipBareWord(_ each: (UInt8) -> Void = { _ in }) throws(DocumentReadError) {
        while true {
            if position == window.count, try !fill(keeping: position) { return }
            let byte = window[position]
            guard byte > 0x20, !Self.signs.contains(byte) else { return }
            each(byte)
            position += 1
        }
    }

    /// The characters that end a word or a number.
    private static let signs: Set<UInt8> = Set("{}[],:\"".utf8)

    /// The length of the string that begins here, including the quotation marks.
    private mutating func lengthOfString() throws(DocumentReadError) -> Int {
        var length = 1
        while true {
            while position + length >= window.count {
                guard try fill(keeping: position) else { throw notJSON("the end of the string that begins") }
            }
            switch window[position + length] {
            case UInt8(ascii: "\""): return length + 1
            case UInt8(ascii: "\\"): length += 2
            default: length += 1
            }
        }
    }

    // MARK: - Objects

    mutating func beginObject(_ summary: String) throws(DocumentReadError) {
        guard try next() == UInt8(ascii: "{") else {
            try skipWord()
            throw .document("expected an object: \(summary)")
        }
        try open()
    }

    /// Looks up the next key of an object among the known ones; `nil` at the end of the object.
    ///
    /// - Parameter find: Returns the index of the key, or throws.
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

    /// Reads the next key of an object; `nil` at the object's end.
    private mutating func key(isFirst: Bool) throws(DocumentReadError) -> String? {
        var text = ""
        let end = try key(isFirst: isFirst) { reader, range in
            text = reader.string(range)
            return 0
        }
        return end == nil ? nil : text
    }

    /// Advances to the value of a member if it is the next one and formatted as usual: after white space, with the
    /// colon directly after the key. Otherwise reads nothing.
    @inline(__always)
    mutating func goOn(toMember key: RawSpan, isFirst: Bool) -> Bool {
        guard let end = window.span.endOfKey(key, from: position, isFirst: isFirst) else { return false }
        position = end
        return true
    }

    /// Reads an object with arbitrary keys.
    ///
    /// - Parameter member: Reads the value of a key.
    mutating func object(
        _ summary: String, _ member: (String, inout DocumentReader) throws(DocumentReadError) -> Void
    ) throws(DocumentReadError) {
        try beginObject(summary)
        let depth = depth
        var keys: Set<String> = []
        var isFirst = true
        while let key = try key(isFirst: isFirst) {
            isFirst = false
            let known = problems.count
            do throws(DocumentReadError) {
                guard keys.insert(key).inserted else { throw .document("duplicate key") }
                try member(key, &self)
            } catch {
                try recover(from: error, inside: depth)
            }
            placeProblems(since: known, inside: ".\(ImageText(key).bare)")
        }
    }

    /// Reads the member `key` of the object that begins here, wherever in the object it is, without advancing.
    ///
    /// Loads the rest of the text into the window.
    ///
    /// - Parameters:
    ///   - summary: Descriptions of the object and the member.
    ///   - value: Reads the member.
    package mutating func lookAhead<Value>(
        for key: String, _ summary: (object: String, member: String),
        _ value: (inout DocumentReader) throws(DocumentReadError) -> Value
    ) throws(DocumentReadError) -> Value {
        while try fill(keeping: position) {}
        var ahead = self
        try ahead.beginObject(summary.object)
        var isFirst = true
        while let other = try ahead.key(isFirst: isFirst) {
            isFirst = false
            guard other == key else {
                _ = try ahead.rawValue()
                continue
            }
            do throws(DocumentReadError) { return try value(&ahead) } catch { throw error.inside(".\(key)") }
        }
        throw .document("missing key \"\(key)\": \(summary.member)")
    }

    /// Whether a range of the window equals these bytes.
    func isEqual(_ range: Range<Int>, _ bytes: [UInt8]) -> Bool {
        isEqual(range, bytes.span.bytes)
    }

    func isEqual(_ range: Range<Int>, _ bytes: RawSpan) -> Bool {
        window.span.bytes.extracting(range).isEqual(to: bytes)
    }

    func string(_ range: Range<Int>) -> String {
        String(decoding: window[range], as: UTF8.self)
    }

    /// The text of a range, for messages.
    func quoted(_ range: Range<Int>) -> String { ImageText(window[range]).quoted }

    // MARK: - Text

    /// The first byte of the next value or delimiter, to which the position advances; `nil` at the end of the text.
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

    /// Begins an array or an object.
    private mutating func open() throws(DocumentReadError) {
        position += 1
        depth += 1
        guard depth <= Self.deepest else { throw .document("arrays and objects nested more than \(Self.deepest) deep") }
    }

    /// Advances to the next element or member; `false` if `end` ends the list instead.
    private mutating func goOn(to end: UInt8, isFirst: Bool) throws(DocumentReadError) -> Bool {
        let byte = try next()
        if byte == end {
            position += 1
            depth -= 1
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
    /// - Returns: The range of its bytes in the window, valid until anything else is read.
    private mutating func scanString() throws(DocumentReadError) -> Range<Int> {
        var length = 1
        var isPlain = true
        var isASCII = true
        while true {
            let found = window.span.endOfPlainText(from: position + length, &isASCII)
            length = found - position
            guard found < window.count else {
                guard try fill(keeping: position) else { throw notJSON("the end of the string that begins") }
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
        let range = position + 1..<position + length
        if !isASCII, String(validating: window[range], as: UTF8.self) == nil {
            throw notJSON("UTF-8 in the string that begins")
        }
        position += length + 1
        return isPlain ? range : try unescape(range)
    }

    /// Resolves the escapes of a string that was just read, in place.
    private mutating func unescape(_ range: Range<Int>) throws(DocumentReadError) -> Range<Int> {
        // Escaped line feeds are not lines of the text.
        countLines(to: range.lowerBound)
        columns += position - counted
        counted = position
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
            default: throw notJSON("a valid escape sequence")
            }
        }
        window.replaceSubrange(range.lowerBound..<range.lowerBound + text.count, with: text)
        return range.lowerBound..<range.lowerBound + text.count
    }

    /// The UTF-8 of the escape whose digits begin at `index`, including the other half of a surrogate pair.
    private func unescapeUnicode(_ index: inout Int, _ end: Int) throws(DocumentReadError) -> [UInt8] {
        func unit() throws(DocumentReadError) -> UInt16 {
            guard index + 4 <= end,
                let unit = UInt16(String(decoding: window[index..<index + 4], as: UTF8.self), radix: 16),
                window[index] != UInt8(ascii: "+"), window[index] != UInt8(ascii: "-")
            else { throw notJSON("four hexadecimal digits after \\u") }
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
        guard let text = String(validating: units, as: UTF16.self) else { throw notJSON("complete surrogate pairs") }
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

    /// Reads a word such as `true` and returns its meaning; reads nothing if the value is different.
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

    /// Drops what is before `kept`, and reads more; `false` at the end of the text. The offset `kept` becomes 0.
    private mutating func fill(keeping kept: Int) throws(DocumentReadError) -> Bool {
        guard !hasEnded else { return false }
        countLines(to: kept)
        counted -= kept
        window.removeSubrange(0..<kept)
        position -= kept
        let count = window.count
        try rethrow(source(&window), as: DocumentReadError.file)
        hasEnded = window.count == count
        return !hasEnded
    }

    private mutating func countLines(to end: Int) {
        guard end > counted else { return }
        (lines, columns) = place(of: end)
        counted = end
    }

    /// The number of line feeds before a position that is not before ``counted``, and of bytes after the last of them.
    private func place(of end: Int) -> (lines: Int, columns: Int) {
        guard end > counted else { return (lines, columns) }
        let more = window.span.lineCount(from: counted, before: end)
        guard more > 0 else { return (lines, columns + end - counted) }
        var start = end
        while window[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        return (lines + more, end - start)
    }

    /// - Parameter found: What was found instead, unless it is the next byte.
    private func notJSON(_ expected: String, instead found: String? = nil) -> DocumentReadError {
        let place = place(of: min(position, window.count))
        let here = position < window.count ? "here" : "at the end"
        return .notJSON(
            "line \(place.lines + 1), column \(place.columns + 1): expected \(expected) \(here)"
                + (found.map { "; \($0)" } ?? ""))
    }

    private func slot(of range: Range<Int>) -> Int {
        if range.isEmpty { return 0 }
        return (range.count &* 7 &+ Int(window[range.lowerBound]) &+ Int(window[range.upperBound - 1]) &* 3)
            % names.count
    }
}
