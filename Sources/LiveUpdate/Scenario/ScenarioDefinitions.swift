import Handover
import KernelABI

extension Scenario {
    /// A file handler in addition to those built into kernels.
    public struct HandlerDefinition: Hashable, Sendable {
        /// The name that steps use.
        public var name = ""
        private var givenCompatible: String?
        private var givenTakes: [String]?
        /// The data with which `freeze` replaces the result of `preserve`.
        public var freezeData: UInt64?
        /// Whether it is built into the kernel, rather than part of a module.
        public var isBuiltIn = false
        /// The operations that the handler lacks.
        public var lacks: Set<String> = []
        /// The calls that its operations make.
        var does = OperationSteps()

        package init() {}

        /// Its `compatible`; by default, the name.
        public var compatible: String {
            get { givenCompatible ?? name }
            set { givenCompatible = newValue }
        }

        /// The handlers whose files it can preserve; by default, only its own.
        public var takes: [String] {
            get { givenTakes ?? [name] }
            set { givenTakes = newValue }
        }
    }

    /// An FLB. It has all operations, unless the definition states otherwise.
    public struct FLBDefinition: Hashable, Sendable {
        /// The name that steps use.
        public var name = ""
        private var givenCompatible: String?
        /// The result of `preserve`; by default, 0.
        public var data: UInt64?
        /// The text that `preserve` stores in preserved memory; it then returns the memory's address.
        public var payload: String?
        /// Whether `preserve` creates a live object.
        public var hasObject = true
        /// Whether it is built into the kernel, rather than part of a module.
        public var isBuiltIn = false
        /// The operations that the FLB lacks.
        public var lacks: Set<String> = []
        /// The calls that its operations make.
        var does = OperationSteps()

        package init() {}

        /// Its `compatible`; by default, the name.
        public var compatible: String {
            get { givenCompatible ?? name }
            set { givenCompatible = newValue }
        }
    }

    /// A file.
    public struct FileDefinition: Hashable, Sendable {
        public var name = ""
        /// The handler that it is for; by default, that of memfds.
        public var handler: String?
        /// A memfd's contents.
        public var text: String?
        /// A memfd's size in bytes, if larger than its contents.
        public var size: UInt64?
        /// A memfd's position in bytes; by default, 0.
        public var position: UInt64?
        /// A memfd's `F_SEAL_…`, as bits; by default, none.
        public var seals: UInt32?

        package init() {}

        /// The handler that it is for, if that is built into kernels.
        var kernelHandler: KernelHandler? { handler.map(KernelHandler.named) ?? .memfd }
    }
}

extension Scenario.HandlerDefinition: DocumentObject {
    package static let form = ObjectForm<Self>(
        "handler", "a file handler",
        complete: { handler, reader in
            if handler.freezeData != nil, handler.lacks.contains(Event.Callback.Operation.freeze.rawValue) {
                reader.note(at: ".freeze_data", "a handler that lacks freeze leaves none")
            }
            handler.does.check(of: handler.name, lacking: handler.lacks, &reader)
        },
        [
            .always("name", \.name, required: true, "what steps call the handler"),
            .ifKnown("compatible", \.givenCompatible, "its compatible, if that is not its name"),
            .ifKnown("takes", \.givenTakes, "names of handlers whose files it takes; its own if it is missing"),
            .ifKnown("freeze_data", \.freezeData, "what freeze leaves as the file's data"),
            .always("built_in", \.isBuiltIn, "whether it is built into the kernel"),
            .lacks(
                \.lacks, ["can_preserve"] + Event.Callback.Operation.allCases.map(\.rawValue), "operation of handlers"),
            .always("does", \.does, OperationSteps.form.summary),
        ])
}

extension Scenario.FLBDefinition: DocumentObject {
    private static let operations = Event.Callback.Operation.ofFLBs.map(\.rawValue)

    package static let form = ObjectForm<Self>(
        "flb", "an FLB",
        complete: { flb, reader in
            if flb.data != nil, flb.payload != nil {
                reader.note(at: ".data", "an FLB with a payload returns the payload's address")
            }
            for (operation, _) in flb.does.all where !operations.contains(operation) {
                reader.note(at: ".does.\(operation)", "FLBs have no \(operation)")
            }
            flb.does.check(of: flb.name, lacking: flb.lacks, &reader)
        },
        [
            .always("name", \.name, required: true, "the FLB's name"),
            .ifKnown("compatible", \.givenCompatible, "its compatible, if that is not its name"),
            .ifKnown("data", \.data, "what preserve returns"),
            .ifKnown("payload", \.payload, "what preserve writes into preserved memory"),
            .always("object", \.hasObject, "whether preserve makes a live object"),
            .always("built_in", \.isBuiltIn, "whether it is built into the kernel"),
            .lacks(\.lacks, operations, "operation of FLBs"),
            .always("does", \.does, OperationSteps.form.summary),
        ])
}

extension Scenario.FileDefinition: DocumentObject {
    package static let form = ObjectForm<Self>(
        "file", "a file",
        complete: { file, reader in
            guard let handler = file.handler, file.kernelHandler == nil else { return }
            let given: [(key: String, isGiven: Bool)] = [
                ("text", file.text != nil), ("size", file.size != nil), ("pos", file.position != nil),
                ("seals", file.seals != nil),
            ]
            for (key, isGiven) in given where isGiven {
                reader.note(at: ".\(key)", "memfds have that; a file of \(handler) has not")
            }
        },
        [
            .always("name", \.name, required: true, "what steps call the file"),
            .ifKnown("handler", \.handler, "the handler that it is for"),
            .ifKnown("text", \.text, "the contents"),
            .ifKnown("size", \.size, "the size in bytes"),
            .ifKnown("pos", \.position, "the file position in bytes"),
            .ifKnown("seals", \.seals, "F_SEAL_*"),
        ])
}

extension ObjectForm.Member {
    /// The operations that a handler or FLB lacks.
    fileprivate static func lacks(
        _ path: WritableKeyPath<Object, Set<String>> & Sendable, _ operations: [String], _ what: String
    ) -> Self {
        .always(
            "lacks", { $0[keyPath: path].sorted() }, { $0[keyPath: path] = Set($1) },
            ArrayCodec(WordCodec(operations, else: "is no \(what)"), compact: true), "what it lacks: an \(what)")
    }
}
