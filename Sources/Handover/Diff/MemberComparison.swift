import KernelABI

extension Comparison {
    /// What a difference is about: an object, or a member of one. The text is made when there is a difference.
    package struct Subject {
        private let object: String
        private let member: String
        /// Whether it is about addresses and layout.
        private(set) var isLayout: Bool

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
}

/// How a member of two objects is compared, either of which can be missing.
struct MemberComparison<Object: Sendable>: Sendable {
    typealias Body =
        @Sendable (_ before: Object?, _ after: Object?, _ subject: Comparison.Subject, inout Comparison) -> Void

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
    func compare(
        _ before: Object?, _ after: Object?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        guard before != nil || after != nil else { return }
        let object = subject.text
        for member in members {
            let rule = member.comparison
            guard let body = rule.body else { continue }
            let subject = Comparison.Subject(
                rule.isApart ? "" : object, rule.name, isLayout: subject.isLayout || rule.isLayout)
            body(before, after, subject, &comparison)
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
        compared { before, after, subject, comparison in
            comparison.compare(subject, before.flatMap(text), after.flatMap(text))
        }
    }

    /// The member needs more to be compared than its values.
    func compared(_ body: @escaping MemberComparison<Object>.Body) -> Self {
        comparing { $0.body = body }
    }

    /// Others tell a difference, or nobody need know it.
    var uncompared: Self { comparing { $0.body = nil } }
}

extension DocumentCodec {
    package func text(of value: Value) -> String { "\(value)" }

    package func compare(
        _ before: Value?, _ after: Value?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        comparison.compare(subject, before, after, text(of:))
    }

    package func compareLists(
        _ before: [Value]?, _ after: [Value]?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        comparison.compareElements(subject, before, after)
    }
}

extension HexCodec {
    package func text(of value: UInt64) -> String { value.prefixedHex }
}

extension AddressCodec {
    package func compare(
        _ before: PhysicalAddress?, _ after: PhysicalAddress?, _ subject: Comparison.Subject,
        by comparison: inout Comparison
    ) {
        comparison.compare(subject.layout, comparison.before.written(before), comparison.after.written(after))
    }
}

extension KernelStringCodec {
    package func text(of value: KernelString) -> String { value.quoted + (value.isTerminated ? "" : " without a NUL") }
}

extension BytesCodec {
    package func compare(
        _ before: [UInt8]?, _ after: [UInt8]?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        comparison.compareBytes(subject, before, after)
    }
}

extension PayloadValueCodec {
    /// Compares fields by their names, as if they were members of the object.
    package func compare(
        _ before: PayloadValue?, _ after: PayloadValue?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        guard before != after else { return }
        for pair in comparison.pairs(before?.fieldTexts ?? [], after?.fieldTexts ?? [], by: \.name) {
            let name = (pair.before ?? pair.after)?.name ?? ""
            comparison.compare(subject.sibling(ImageText(name).bare), pair.before?.text, pair.after?.text)
        }
    }
}

extension ObjectCodec {
    package func compare(
        _ before: Object?, _ after: Object?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        Object.form.compare(before, after, subject, by: &comparison)
    }

    package func compareLists(
        _ before: [Object]?, _ after: [Object]?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        Object.compareLists(before, after, subject, by: &comparison)
    }
}

extension ArrayCodec {
    package func compare(
        _ before: [Element.Value]?, _ after: [Element.Value]?, _ subject: Comparison.Subject,
        by comparison: inout Comparison
    ) {
        element.compareLists(before, after, subject, by: &comparison)
    }
}

extension DocumentObject {
    package static func compareLists(
        _ before: [Self]?, _ after: [Self]?, _ subject: Comparison.Subject, by comparison: inout Comparison
    ) {
        comparison.compareElements(subject, before, after)
    }
}
