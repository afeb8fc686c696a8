import KernelABI

extension Comparison {
    /// The subject of a difference: an object, or a member of one. Its text is created only if there is a difference.
    package struct Subject {
        private let object: String
        private let member: String
        /// Whether it is about addresses and layout.
        let isLayout: Bool

        init(_ object: String, _ member: String = "", isLayout: Bool = false) {
            self.object = object
            self.member = member
            self.isLayout = isLayout
        }

        /// For example `session "vm-alpha", count`.
        var text: String { object.isEmpty || member.isEmpty ? object + member : "\(object), \(member)" }

        /// The same, about addresses and layout.
        var layout: Self { Self(object, member, isLayout: true) }

        /// The order of the elements of the member.
        var order: Self { Self(object, "order of \(member)", isLayout: true) }

        /// A part of the subject.
        func part(_ name: String) -> Self { Self(text, name, isLayout: isLayout) }

        /// Another member of the same object.
        func sibling(_ name: String) -> Self { Self(object, name, isLayout: isLayout) }
    }

    /// The values of both sides, `nil` if unknown, and their subject.
    package struct Pair<Value> {
        let before: Value?
        let after: Value?
        let subject: Subject

        init(_ before: Value?, _ after: Value?, _ subject: Subject) {
            (self.before, self.after, self.subject) = (before, after, subject)
        }

        /// The same values with another subject.
        func of(_ subject: Subject) -> Self { Self(before, after, subject) }

        /// The same, about addresses and layout.
        var layout: Self { of(subject.layout) }

        /// Transforms the values that are known.
        func map<Other>(_ transform: (Value) -> Other?) -> Pair<Other> {
            Pair<Other>(before.flatMap(transform), after.flatMap(transform), subject)
        }

        /// Both values, if both are known.
        var both: (before: Value, after: Value)? {
            if let before, let after { (before, after) } else { nil }
        }
    }
}

/// How a member of two objects is compared.
struct MemberComparison<Object: Sendable>: Sendable {
    typealias Body = @Sendable (Comparison.Pair<Object>, inout Comparison) -> Void

    /// The member's name in differences; empty for the object itself.
    fileprivate var name = ""
    /// Whether the name is clear without the object's.
    fileprivate var isApart = false
    fileprivate var isLayout = false
    fileprivate var body: Body?

    init() {}

    init(_ name: String, _ body: @escaping Body) {
        self.name = name
        self.body = body
    }
}

extension ObjectForm {
    /// Records the differences between two objects, one of which may be missing.
    func compare(_ objects: Comparison.Pair<Object>, by comparison: inout Comparison) {
        guard objects.before != nil || objects.after != nil else { return }
        let object = objects.subject.text
        for member in members {
            let rule = member.comparison
            guard let body = rule.body else { continue }
            let isLayout = objects.subject.isLayout || rule.isLayout
            body(objects.of(.init(rule.isApart ? "" : object, rule.name, isLayout: isLayout)), &comparison)
        }
    }
}

extension ObjectForm.Member {
    private func comparing(_ change: (inout MemberComparison<Object>) -> Void) -> Self {
        var member = self
        change(&member.comparison)
        return member
    }

    /// Sets the member's name in differences, if it is not the key; an empty name attributes the differences to the
    /// object itself.
    func compared(as name: String, layout: Bool = false) -> Self {
        comparing { ($0.name, $0.isLayout) = (name, layout) }
    }

    /// Sets the member's name in differences to one that is clear without the object's.
    func compared(apart name: String, layout: Bool = false) -> Self {
        comparing { ($0.name, $0.isApart, $0.isLayout) = (name, true, layout) }
    }

    /// Compares the member by a text that describes it.
    func compared(by text: @escaping @Sendable (Object) -> String?) -> Self {
        compared { objects, comparison in comparison.compare(objects.map(text)) }
    }

    /// Compares the member with `body`, as its values are not enough.
    func compared(_ body: @escaping MemberComparison<Object>.Body) -> Self { comparing { $0.body = body } }

    /// Excludes the member: other members show the difference, or it does not matter.
    var uncompared: Self { comparing { $0.body = nil } }
}

extension DocumentCodec {
    package func text(of value: Value) -> String { "\(value)" }

    package func compare(_ values: Comparison.Pair<Value>, by comparison: inout Comparison) {
        comparison.compare(values, text(of:))
    }

    package func compareLists(_ lists: Comparison.Pair<[Value]>, by comparison: inout Comparison) {
        comparison.compareElements(lists)
    }
}

extension HexCodec {
    package func text(of value: UInt64) -> String { value.prefixedHex }
}

extension AddressCodec {
    package func compare(_ values: Comparison.Pair<PhysicalAddress>, by comparison: inout Comparison) {
        let (before, after) = (comparison.before.written(values.before), comparison.after.written(values.after))
        comparison.compare(.init(before, after, values.subject.layout))
    }
}

extension KernelStringCodec {
    package func text(of value: KernelString) -> String { value.quoted + (value.isTerminated ? "" : " without a NUL") }
}

extension BytesCodec {
    package func compare(_ values: Comparison.Pair<[UInt8]>, by comparison: inout Comparison) {
        comparison.compareBytes(values)
    }
}

extension PayloadValueCodec {
    /// Compares fields by their names, as if they were members of the object.
    package func compare(_ values: Comparison.Pair<PayloadValue>, by comparison: inout Comparison) {
        guard values.before != values.after else { return }
        for (old, new) in comparison.pairs(values.before?.fieldTexts ?? [], values.after?.fieldTexts ?? [], by: \.name)
        {
            let subject = values.subject.sibling(ImageText((old ?? new)?.name ?? "").bare)
            comparison.compare(.init(old?.text, new?.text, subject))
        }
    }
}

extension ObjectCodec {
    package func compare(_ values: Comparison.Pair<Object>, by comparison: inout Comparison) {
        Object.form.compare(values, by: &comparison)
    }

    package func compareLists(_ lists: Comparison.Pair<[Object]>, by comparison: inout Comparison) {
        Object.compareLists(lists, by: &comparison)
    }
}

extension ArrayCodec {
    package func compare(_ lists: Comparison.Pair<[Element.Value]>, by comparison: inout Comparison) {
        element.compareLists(lists, by: &comparison)
    }
}

extension DocumentObject {
    package static func compareLists(_ lists: Comparison.Pair<[Self]>, by comparison: inout Comparison) {
        comparison.compareElements(lists)
    }
}
