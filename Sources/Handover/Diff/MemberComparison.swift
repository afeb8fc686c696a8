import KernelABI

extension Comparison {
    /// What a difference is about: an object, or a member of one. The text is made when there is a difference.
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

    /// The values of both sides, `nil` where one is not known, and what they are.
    package struct Pair<Value> {
        let before: Value?
        let after: Value?
        let subject: Subject

        init(_ before: Value?, _ after: Value?, _ subject: Subject) {
            (self.before, self.after, self.subject) = (before, after, subject)
        }

        /// The same values as another subject.
        func of(_ subject: Subject) -> Self { Self(before, after, subject) }

        /// The same, about addresses and layout.
        var layout: Self { of(subject.layout) }

        /// What there is of both.
        func map<Other>(_ transform: (Value) -> Other?) -> Pair<Other> {
            Pair<Other>(before.flatMap(transform), after.flatMap(transform), subject)
        }

        /// Both, if there are both.
        var both: (before: Value, after: Value)? {
            if let before, let after { (before, after) } else { nil }
        }
    }
}

/// How a member of two objects is compared.
struct MemberComparison<Object: Sendable>: Sendable {
    typealias Body = @Sendable (Comparison.Pair<Object>, inout Comparison) -> Void

    /// What differences call the member; the object itself if it is empty.
    fileprivate var name = ""
    /// Whether the name says enough without the object's.
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
    /// Notes what is not the same of two objects, one of which can be missing.
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

    /// Differences call the member by a name other than its key; what it holds is said of the object itself if the name
    /// is empty.
    func compared(as name: String, layout: Bool = false) -> Self {
        comparing { ($0.name, $0.isLayout) = (name, layout) }
    }

    /// Differences call the member by a name that says enough without the object's.
    func compared(apart name: String, layout: Bool = false) -> Self {
        comparing { ($0.name, $0.isApart, $0.isLayout) = (name, true, layout) }
    }

    /// The member is compared by what is said of it.
    func compared(by text: @escaping @Sendable (Object) -> String?) -> Self {
        compared { objects, comparison in comparison.compare(objects.map(text)) }
    }

    /// The member needs more to be compared than its values.
    func compared(_ body: @escaping MemberComparison<Object>.Body) -> Self { comparing { $0.body = body } }

    /// Others tell a difference, or nobody need know it.
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
