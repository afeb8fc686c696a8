import KernelABI

extension RecordLayout {
    /// The values of the fields without a meaning to this package, by the kernel's names; `nil` if there are no such
    /// fields.
    func further(of bytes: RawSpan, at base: Int) -> PayloadValue? {
        guard !further.isEmpty else { return nil }
        return .object(further.map { PayloadValue.Member($0.name, $0.value(bytes, at: base)) })
    }

    /// Writes values from ``further(of:at:)``. Fields without a value are unchanged.
    func write(further values: PayloadValue?, to bytes: inout [UInt8], at base: Int) {
        guard let values else { return }
        for field in further { if let value = values[field.name] { _ = field.write(value, to: &bytes, at: base) } }
    }
}

extension HandoverPlanner {
    /// Reports fields that the generation's record does not have, and values that do not fit their fields.
    mutating func checkFurther(
        _ values: PayloadValue?, of layout: some RecordLayout, _ path: @autoclosure () -> DocumentPath
    ) {
        guard let values else { return }
        let path = path()["further"]
        guard case .object(let members) = values else { return reportUnbuildable(path, "expected an object") }
        for member in members {
            guard let field = layout.further.first(where: { $0.name == member.name }) else {
                reportUnbuildable(
                    path[member.name],
                    "kernel \(generation.name) has no such field in \(layout.structure.name), or it is given elsewhere")
                continue
            }
            var bytes = [UInt8](repeating: 0, count: layout.structure.size)
            if !field.write(member.value, to: &bytes, at: 0) {
                reportUnbuildable(
                    path[member.name],
                    "\(ImageText("\(member.value)")) does not fit into \(field.size) bytes of \(field.type)")
            }
        }
    }
}

extension FieldDescription {
    /// Whether the field is a little-endian number, or bits of one.
    private var isNumber: Bool {
        switch meaning {
        case .number, .signed, .count, .byteCount, .address, .handle, .flags: count == nil && size <= 8
        case .string, .bitmap, .structure, .opaque: false
        }
    }

    /// The largest value that fits.
    private var limit: UInt64 { .max >> UInt64(64 - (bits?.count ?? 8 * size)) }

    /// The value of the field of the structure at `base`: a number or text; for other bytes, an object with `base64`.
    ///
    /// Handles, addresses and sets of bits are strings `"0x…"`, and so are numbers that a double cannot represent.
    fileprivate func value(_ bytes: RawSpan, at base: Int) -> PayloadValue {
        let start = base + offset
        if isNumber {
            let number = bytes.number(at: start, width: size) >> UInt64(bits?.lowerBound ?? 0) & limit
            switch meaning {
            case .number, .signed, .count, .byteCount: if number <= 1 << 53 { return .number(number) }
            default: break
            }
            return .string(number.prefixedHex)
        }
        let content = [UInt8](copying: bytes.extracting(start..<start + size))
        let text = content.prefix { $0 != 0 }
        if meaning == .string, text.count < size, content[text.count...].allSatisfy({ $0 == 0 }),
            let string = String(validating: text, as: UTF8.self)
        {
            return .string(string)
        }
        var encoded: [UInt8] = []
        Base64.encode(content, into: &encoded)
        return ["base64": .string(String(decoding: encoded, as: UTF8.self))]
    }

    /// Writes a value like those from ``value(_:at:)`` over zeros; `false` if it does not fit the field.
    fileprivate func write(_ value: PayloadValue, to bytes: inout [UInt8], at base: Int) -> Bool {
        let start = base + offset
        if isNumber {
            guard let number = value.integer, number <= limit else { return false }
            let word = bytes.span.bytes.number(at: start, width: size)
            bytes.setNumber(word | number << UInt64(bits?.lowerBound ?? 0), at: start, width: size)
            return true
        }
        let content: [UInt8]
        if meaning == .string, case .string(let text) = value {
            content = Array(text.utf8) + [0]
        } else if case .string(let text)? = value["base64"], let decoded = Base64.decode(text) {
            content = decoded
        } else {
            return false
        }
        guard content.count <= size else { return false }
        bytes.replaceSubrange(start..<start + content.count, with: content)
        return true
    }
}

extension PayloadValue {
    /// The value as an integer; a text may be decimal or hexadecimal.
    fileprivate var integer: UInt64? {
        switch self {
        case .number(let number): number
        case .string(let text): text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
        default: nil
        }
    }

    /// The fields, each with its value as text for display.
    package var fieldTexts: [(name: String, text: String)] {
        guard case .object(let members) = self else { return [] }
        return members.map { member in
            if case .string(let text) = member.value { return (member.name, ImageText(text).bare) }
            return (member.name, ImageText("\(member.value)").bare)
        }
    }
}
