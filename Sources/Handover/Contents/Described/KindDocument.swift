import KernelABI

/// A file of descriptions: structures, and the kinds of content that consist of them.
///
/// The catalogue that comes with the command and a file of the user's have this one form.
struct KindDocument: DocumentObject {
    var structures: [KindStructure] = []
    var kinds: [KindForm] = []

    static let form = ObjectForm<KindDocument>(
        "kindDocument", "descriptions of kinds of content",
        [
            .always(
                "structures", { $0.structures }, { $0.structures = $1 }, ArrayCodec(ObjectCodec<KindStructure>()),
                "the structures of the kinds below; one that is not here is taken from --btf"),
            .always(
                "kinds", { $0.kinds }, { $0.kinds = $1 }, ArrayCodec(ObjectCodec<KindForm>()), required: true,
                "the kinds of content"),
        ])
}

/// One kind of content, or one of its layouts.
struct KindForm: DocumentObject {
    var kind = ""
    var variant: String?
    var place = ContentPlace.flb
    var names: [String] = []
    var summary = ""
    var source: String?
    var status = ContentStatus.series
    var payload = ""
    var version: KindVersion?
    var contents: KindContents?
    var mapping: KindMapping?
    var links: [KindLinkPlace]?
    var rules: [KindRule]?

    static let form = ObjectForm<KindForm>(
        "kind", "a kind of content",
        [
            .always("kind", { $0.kind }, { $0.kind = $1 }, StringCodec(), required: true, "the kind's name"),
            .ifKnown(
                "variant", { $0.variant }, { $0.variant = $1 }, StringCodec(),
                "what tells this layout from others of the same names"),
            .always(
                "place", { $0.place }, { $0.place = $1 }, ChoiceCodec<ContentPlace>(), required: true,
                "where it hangs"),
            .always(
                "names", { $0.names }, { $0.names = $1 }, ArrayCodec(StringCodec(), compact: true), required: true,
                "the names of the subtree, the file handler, the FLB or the session"),
            .always("summary", { $0.summary }, { $0.summary = $1 }, StringCodec(), "what it is, in a sentence"),
            .ifKnown("source", { $0.source }, { $0.source = $1 }, StringCodec(), "where the description comes from"),
            .always(
                "status", { $0.status }, { $0.status = $1 }, ChoiceCodec<ContentStatus>(),
                "whether released kernels have it"),
            .always(
                "payload", { $0.payload }, { $0.payload = $1 }, StringCodec(), required: true,
                "the structure that the payload begins with, or \"fdt\"; of a session, \"json\""),
            .ifKnown(
                "version", { $0.version }, { $0.version = $1 }, ObjectCodec<KindVersion>(),
                "the field that tells this layout from others"),
            .ifKnown(
                "contents", { $0.contents }, { $0.contents = $1 }, ObjectCodec<KindContents>(),
                "the fields that describe the contents of a file"),
            .ifKnown(
                "mapping", { $0.mapping }, { $0.mapping = $1 }, ObjectCodec<KindMapping>(),
                "the file of a session whose text says what the others are"),
            .ifKnown(
                "links", { $0.links }, { $0.links = $1 }, ArrayCodec(ObjectCodec<KindLinkPlace>()),
                "how fields of structures from --btf lead on"),
            .ifKnown(
                "rules", { $0.rules }, { $0.rules = $1 }, ArrayCodec(ObjectCodec<KindRule>()),
                "what the receiving kernel refuses"),
        ])
}

/// A structure, field by field.
struct KindStructure: DocumentObject {
    var name = ""
    var summary = ""
    var isPacked = true
    var fields: [KindField]?
    /// The structure's name in the kernel, if it differs.
    var btf: String?

    static let form = ObjectForm<KindStructure>(
        "kindStructure", "a structure",
        [
            .always("name", { $0.name }, { $0.name = $1 }, StringCodec(), required: true, "the structure's tag"),
            .always("summary", { $0.summary }, { $0.summary = $1 }, StringCodec(), "what it is, in a sentence"),
            .always(
                "packed", { $0.isPacked }, { $0.isPacked = $1 }, BooleanCodec(),
                "whether it is __packed; else fields are aligned as C does it"),
            .ifKnown(
                "fields", { $0.fields }, { $0.fields = $1 }, ArrayCodec(ObjectCodec<KindField>()),
                "the fields, in order; without them the structure is taken from --btf"),
            .ifKnown("btf", { $0.btf }, { $0.btf = $1 }, StringCodec(), "the structure's tag in the kernel's BTF"),
        ])
}

/// One field of a structure.
struct KindField: DocumentObject {
    var name = ""
    /// A C type: `u64`, `u64:52`, `char[48]`, `pci_dev_ser[]`.
    var type = ""
    var summary = ""
    var meaning = KindMeaning.number
    var flags: [String]?
    var counts: KindCount?
    var link: KindLink?

    static let form = ObjectForm<KindField>(
        "kindField", "a field",
        [
            .always("name", { $0.name }, { $0.name = $1 }, StringCodec(), required: true, "the field's name"),
            .always(
                "type", { $0.type }, { $0.type = $1 }, StringCodec(), required: true,
                "u8 to u64, s8 to s64, a structure or kho_vmalloc; with [N] an array, with [] a flexible one, "
                    + "with :N a bit field"),
            .always("summary", { $0.summary }, { $0.summary = $1 }, StringCodec(), "what it is, in a sentence"),
            .always(
                "meaning", { $0.meaning }, { $0.meaning = $1 }, ChoiceCodec<KindMeaning>(), "how the value is shown"),
            .ifKnown(
                "flags", { $0.flags }, { $0.flags = $1 }, ArrayCodec(StringCodec(), compact: true),
                "the names of the bits, from bit 0 on"),
            .ifKnown(
                "counts", { $0.counts }, { $0.counts = $1 }, ObjectCodec<KindCount>(),
                "what the field counts, if that is not all records of a link"),
            .ifKnown(
                "leads_to", { $0.link }, { $0.link = $1 }, ObjectCodec<KindLink>(), "the memory that the field leads to"
            ),
        ])
}

/// How the value of a field is shown.
enum KindMeaning: String, Hashable, Sendable, CaseIterable {
    case number, hex, bytes, padding
}

/// What a field counts: the records of a link in which a field is not 0.
struct KindCount: DocumentObject {
    var field = ""
    var nonzero: String?

    static let form = ObjectForm<KindCount>(
        "kindCount", "what a field counts", compact: true,
        [
            .always(
                "field", { $0.field }, { $0.field = $1 }, StringCodec(), required: true,
                "the field that leads to the records"),
            .ifKnown(
                "nonzero", { $0.nonzero }, { $0.nonzero = $1 }, StringCodec(),
                "count only records in which this field is not 0"),
        ])
}

/// How a field leads on: exactly one of the forms of ``PayloadLink``.
struct KindLink: DocumentObject {
    var structure: String?
    var array: String?
    var blockChain: String?
    var arrayChain: String?
    var vmalloc: String?
    var count: String?
    var header: String?
    var next: String?
    var isFrame = false
    var isTree = false
    var isToken = false

    static let form = ObjectForm<KindLink>(
        "kindLink", "how a field leads on", compact: true,
        [
            .ifKnown(
                "structure", { $0.structure }, { $0.structure = $1 }, StringCodec(),
                "the address of one structure of this name"),
            .ifKnown(
                "array", { $0.array }, { $0.array = $1 }, StringCodec(),
                "the address of \"count\" structures of this name"),
            .ifKnown(
                "block_chain", { $0.blockChain }, { $0.blockChain = $1 }, StringCodec(),
                "the first of a chain of KHO blocks of this structure"),
            .ifKnown(
                "array_chain", { $0.arrayChain }, { $0.arrayChain = $1 }, StringCodec(),
                "the first of a chain of arrays of this structure"),
            .ifKnown(
                "vmalloc", { $0.vmalloc }, { $0.vmalloc = $1 }, StringCodec(),
                "a kho_vmalloc that holds structures of this name"),
            .ifKnown(
                "count", { $0.count }, { $0.count = $1 }, StringCodec(),
                "the field that counts them; for array_chain a field of the header"),
            .ifKnown(
                "header", { $0.header }, { $0.header = $1 }, StringCodec(), "the structure that heads each array"),
            .ifKnown("next", { $0.next }, { $0.next = $1 }, StringCodec(), "its field that leads to the next array"),
            .flag("frame", { $0.isFrame }, { $0.isFrame = $1 }, "a page frame number of a file's contents"),
            .flag("fdt", { $0.isTree }, { $0.isTree = $1 }, "the address of an FDT"),
            .flag("token", { $0.isToken }, { $0.isToken = $1 }, "the token of another file of the session"),
        ])
}

/// A link of a structure whose fields come from BTF.
struct KindLinkPlace: DocumentObject {
    var field = ""
    var link: KindLink?
    var counts: KindCount?

    static let form = ObjectForm<KindLinkPlace>(
        "kindLinkPlace", "how a field of a structure from --btf leads on",
        [
            .always(
                "field", { $0.field }, { $0.field = $1 }, StringCodec(), required: true, "STRUCTURE.FIELD"),
            .ifKnown(
                "leads_to", { $0.link }, { $0.link = $1 }, ObjectCodec<KindLink>(), "the memory that the field leads to"
            ),
            .ifKnown(
                "counts", { $0.counts }, { $0.counts = $1 }, ObjectCodec<KindCount>(), "what the field counts"),
        ])
}

/// The field whose value belongs to one layout.
struct KindVersion: DocumentObject {
    var field = ""
    var values: [UInt64] = []

    static let form = ObjectForm<KindVersion>(
        "kindVersion", "the field that tells the layout", compact: true,
        [
            .always("field", { $0.field }, { $0.field = $1 }, StringCodec(), required: true, "a field of the payload"),
            .always(
                "values", { $0.values }, { $0.values = $1 }, ArrayCodec(NumberCodec<UInt64>(), compact: true),
                required: true, "its values in this layout; a new payload gets the last one"),
        ])
}

/// The fields that describe the contents of a file.
struct KindContents: DocumentObject {
    var size = ""
    var position: String?
    var list = ""
    var frame = ""
    var index = ""
    var flags: String?
    var preserved: UInt64 = 0
    var order: String?

    static let form = ObjectForm<KindContents>(
        "kindContents", "the fields that describe the contents of a file", compact: true,
        [
            .always(
                "size", { $0.size }, { $0.size = $1 }, StringCodec(), required: true, "the field with the size in bytes"
            ),
            .ifKnown(
                "position", { $0.position }, { $0.position = $1 }, StringCodec(), "the field with the file position"),
            .always(
                "list", { $0.list }, { $0.list = $1 }, StringCodec(), required: true,
                "the field that leads to the folios"),
            .always(
                "frame", { $0.frame }, { $0.frame = $1 }, StringCodec(), required: true,
                "the folio's field with the page frame number"),
            .always(
                "index", { $0.index }, { $0.index = $1 }, StringCodec(), required: true,
                "the folio's field with its place in the file, in pages"),
            .ifKnown("flags", { $0.flags }, { $0.flags = $1 }, StringCodec(), "the folio's field of flags"),
            .always(
                "flags_set", { $0.preserved }, { $0.preserved = $1 }, NumberCodec<UInt64>(),
                "the flags of a new folio"),
            .ifKnown(
                "order", { $0.order }, { $0.order = $1 }, StringCodec(),
                "the payload's field with the order of all folios"),
        ])
}

/// The file of a session whose text says what the others are.
struct KindMapping: DocumentObject {
    var token: UInt64 = 0
    var entries = ""
    var name = "name"
    var tokenKey = "token"
    var sessionKey = "session"

    static let form = ObjectForm<KindMapping>(
        "kindMapping", "the file of a session whose text says what the others are", compact: true,
        [
            .always("token", { $0.token }, { $0.token = $1 }, NumberCodec<UInt64>(), "the file's token"),
            .always(
                "entries", { $0.entries }, { $0.entries = $1 }, StringCodec(), required: true,
                "the keys that lead to what it says of a file or a session; * is any key, or any element"),
            .always("name", { $0.name }, { $0.name = $1 }, StringCodec(), "the key of the name"),
            .always("file", { $0.tokenKey }, { $0.tokenKey = $1 }, StringCodec(), "the key of the file's token"),
            .always(
                "session", { $0.sessionKey }, { $0.sessionKey = $1 }, StringCodec(), "the key of the session's name"),
        ])
}

/// What the receiving kernel refuses.
struct KindRule: DocumentObject {
    var name = ""
    var test = KindTest.unique
    var field: String?
    var by: [String]?
    var nonzero: String?
    var least: UInt64?
    var most: UInt64?
    var verdict = Verdict.partly
    var stage = BootStage.retrieval
    var consequence = ""
    var function: String?
    var remedy: String?

    static let form = ObjectForm<KindRule>(
        "kindRule", "what the receiving kernel refuses",
        [
            .always("rule", { $0.name }, { $0.name = $1 }, StringCodec(), required: true, "the rule's name"),
            .always(
                "test", { $0.test }, { $0.test = $1 }, ChoiceCodec<KindTest>(), required: true, "what is tested"),
            .ifKnown(
                "field", { $0.field }, { $0.field = $1 }, StringCodec(),
                "the field that it is about; devices.refcount is one of the records that devices leads to"),
            .ifKnown(
                "by", { $0.by }, { $0.by = $1 }, ArrayCodec(StringCodec(), compact: true),
                "unique: the fields of a record that no two records share"),
            .ifKnown(
                "nonzero", { $0.nonzero }, { $0.nonzero = $1 }, StringCodec(),
                "only records in which this field is not 0"),
            .ifKnown("least", { $0.least }, { $0.least = $1 }, NumberCodec<UInt64>(), "limit: the smallest value"),
            .ifKnown("most", { $0.most }, { $0.most = $1 }, NumberCodec<UInt64>(), "limit: the largest value"),
            .always(
                "verdict", { $0.verdict }, { $0.verdict = $1 }, ChoiceCodec<Verdict>(),
                "what the kernel does; if it takes the handover as it is, the finding is a warning, else an error"),
            .always("stage", { $0.stage }, { $0.stage = $1 }, ChoiceCodec<BootStage>(), "when it does it"),
            .always(
                "consequence", { $0.consequence }, { $0.consequence = $1 }, StringCodec(), required: true,
                "what the kernel does, in a sentence"),
            .ifKnown("function", { $0.function }, { $0.function = $1 }, StringCodec(), "the kernel's function"),
            .ifKnown("remedy", { $0.remedy }, { $0.remedy = $1 }, StringCodec(), "how to mend it, in a sentence"),
        ])
}

/// One of the cases of an enumeration, by its raw value.
struct ChoiceCodec<Value: RawRepresentable & CaseIterable & Sendable>: DocumentCodec where Value.RawValue == String {
    func write(_ value: Value, to writer: inout DocumentWriter) {
        writer.string(value.rawValue)
    }

    func read(from reader: inout DocumentReader) throws(DocumentReadError) -> Value {
        let text = try StringCodec().read(from: &reader)
        guard let value = Value(rawValue: text) else {
            throw .document("\"\(text)\" is none of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    var schema: DocumentSchema { .stringChoice(Value.allCases.map(\.rawValue)) }
}

extension ObjectForm.Member {
    /// A member that is `true`, or missing.
    static func flag(
        _ key: String, _ get: @escaping @Sendable (Object) -> Bool,
        _ set: @escaping @Sendable (inout Object, consuming Bool) -> Void, _ summary: String
    ) -> Self {
        .ifKnown(key, { get($0) ? true : nil }, { set(&$0, $1 ?? false) }, BooleanCodec(), summary)
    }
}
