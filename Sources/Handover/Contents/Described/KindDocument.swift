import KernelABI

/// A file of descriptions: structures, and the kinds of content that use them.
///
/// The built-in catalogue and users' files have the same format.
struct KindDocument: DocumentObject {
    var structures: [KindStructure] = []
    var kinds: [KindForm] = []

    static let form = ObjectForm<KindDocument>(
        "kindDocument", "descriptions of kinds of content",
        [
            .always(
                "structures", \.structures,
                "the structures of the kinds below; others are taken from --btf"),
            .always("kinds", \.kinds, required: true, "the kinds of content"),
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
            .always("kind", \.kind, required: true, "the kind's name"),
            .ifKnown("variant", \.variant, "distinguishes this layout from others with the same names"),
            .always("place", \.place, ChoiceCodec<ContentPlace>(), required: true, "what it belongs to"),
            .always(
                "names", \.names, ArrayCodec(StringCodec(), compact: true), required: true,
                "the names of the subtree, the file handler, the FLB or the session"),
            .always("summary", \.summary, "what it is, in a sentence"),
            .ifKnown("source", \.source, "where the description comes from"),
            .always("status", \.status, ChoiceCodec<ContentStatus>(), "whether released kernels have it"),
            .always(
                "payload", \.payload, required: true,
                "the structure at the start of the payload, or \"fdt\"; of a session, \"json\""),
            .ifKnown("version", \.version, "the field that identifies this layout"),
            .ifKnown("contents", \.contents, "the fields that describe the contents of a file"),
            .ifKnown("mapping", \.mapping, "the file of a session whose text describes the other files"),
            .ifKnown("links", \.links, "what fields of structures from --btf refer to"),
            .ifKnown("rules", \.rules, "what the receiving kernel rejects"),
        ])
}

/// A structure, field by field.
struct KindStructure: DocumentObject {
    var name = ""
    var summary = ""
    var isPacked = true
    var fields: [KindField]?
    /// The structure's name in the kernel, if different.
    var btf: String?

    static let form = ObjectForm<KindStructure>(
        "kindStructure", "a structure",
        [
            .always("name", \.name, required: true, "the structure's tag"),
            .always("summary", \.summary, "what it is, in a sentence"),
            .always("packed", \.isPacked, "whether it is __packed; otherwise, fields are aligned as in C"),
            .ifKnown("fields", \.fields, "the fields, in order; if omitted, the structure is taken from --btf"),
            .ifKnown("btf", \.btf, "the structure's tag in the kernel's BTF"),
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
            .always("name", \.name, required: true, "the field's name"),
            .always(
                "type", \.type, required: true,
                "u8 to u64, s8 to s64, a structure or kho_vmalloc; with [N] an array, with [] a flexible one, "
                    + "with :N a bit field"),
            .always("summary", \.summary, "what it is, in a sentence"),
            .always("meaning", \.meaning, ChoiceCodec<KindMeaning>(), "how the value is shown"),
            .ifKnown(
                "flags", \.flags, ArrayCodec(StringCodec(), compact: true), "the names of the bits, starting with bit 0"
            ),
            .ifKnown("counts", \.counts, "what the field counts, if that is not all records of a link"),
            .ifKnown("leads_to", \.link, "the memory that the field refers to"),
        ])
}

/// How the value of a field is shown.
enum KindMeaning: String, Hashable, Sendable, CaseIterable {
    case number, hex, bytes, padding
}

/// What a field counts: the records of a link, or those in which a given field is nonzero.
struct KindCount: DocumentObject {
    var field = ""
    var nonzero: String?

    static let form = ObjectForm<KindCount>(
        "kindCount", "what a field counts", compact: true,
        [
            .always("field", \.field, required: true, "the field that refers to the records"),
            .ifKnown("nonzero", \.nonzero, "count only records in which this field is not 0"),
        ])
}

/// The target of a field: exactly one of the forms of ``PayloadLink``.
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
        "kindLink", "what a field refers to", compact: true,
        [
            .ifKnown("structure", \.structure, "the address of one structure of this name"),
            .ifKnown("array", \.array, "the address of \"count\" structures of this name"),
            .ifKnown("block_chain", \.blockChain, "the first of a chain of KHO blocks of this structure"),
            .ifKnown("array_chain", \.arrayChain, "the first of a chain of arrays of this structure"),
            .ifKnown("vmalloc", \.vmalloc, "a kho_vmalloc that holds structures of this name"),
            .ifKnown("count", \.count, "the field that counts them; for array_chain a field of the header"),
            .ifKnown("header", \.header, "the header structure of each array"),
            .ifKnown("next", \.next, "its field that refers to the next array"),
            .flag("frame", \.isFrame, "a page frame number of a file's contents"),
            .flag("fdt", \.isTree, "the address of an FDT"),
            .flag("token", \.isToken, "the token of another file of the session"),
        ])
}

/// A link of a structure whose fields come from BTF.
struct KindLinkPlace: DocumentObject {
    var field = ""
    var link: KindLink?
    var counts: KindCount?

    static let form = ObjectForm<KindLinkPlace>(
        "kindLinkPlace", "what a field of a structure from --btf refers to",
        [
            .always("field", \.field, required: true, "STRUCTURE.FIELD"),
            .ifKnown("leads_to", \.link, "the memory that the field refers to"),
            .ifKnown("counts", \.counts, "what the field counts"),
        ])
}

/// The field that identifies the layout by its value.
struct KindVersion: DocumentObject {
    var field = ""
    var values: [UInt64] = []

    static let form = ObjectForm<KindVersion>(
        "kindVersion", "the field that identifies the layout", compact: true,
        [
            .always("field", \.field, required: true, "a field of the payload"),
            .always(
                "values", \.values, ArrayCodec(NumberCodec<UInt64>(), compact: true), required: true,
                "its values in this layout; a new payload gets the last one"),
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
            .always("size", \.size, required: true, "the field with the size in bytes"),
            .ifKnown("position", \.position, "the field with the file position"),
            .always("list", \.list, required: true, "the field that refers to the folios"),
            .always("frame", \.frame, required: true, "the folio's field with the page frame number"),
            .always("index", \.index, required: true, "the folio's field with its place in the file, in pages"),
            .ifKnown("flags", \.flags, "the folio's field of flags"),
            .always("flags_set", \.preserved, "the flags of a new folio"),
            .ifKnown("order", \.order, "the payload's field with the order of all folios"),
        ])
}

/// The file of a session whose text describes the others.
struct KindMapping: DocumentObject {
    var token: UInt64 = 0
    var entries = ""
    var name = "name"
    var tokenKey = "token"
    var sessionKey = "session"

    static let form = ObjectForm<KindMapping>(
        "kindMapping", "the file of a session whose text describes the other files", compact: true,
        [
            .always("token", \.token, "the file's token"),
            .always(
                "entries", \.entries, required: true,
                "the path of the entries for files and sessions; * matches any key, or any element"),
            .always("name", \.name, "the key of the name"),
            .always("file", \.tokenKey, "the key of the file's token"),
            .always("session", \.sessionKey, "the key of the session's name"),
        ])
}

/// A reason for the receiving kernel to reject the payload.
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
        "kindRule", "what the receiving kernel rejects",
        [
            .always("rule", \.name, required: true, "the rule's name"),
            .always("test", \.test, ChoiceCodec<KindTest>(), required: true, "what is tested"),
            .ifKnown(
                "field", \.field,
                "the field that is tested; devices.refcount is in the records that devices refers to"),
            .ifKnown(
                "by", \.by, ArrayCodec(StringCodec(), compact: true),
                "unique: the fields that must differ between records"),
            .ifKnown("nonzero", \.nonzero, "only records in which this field is not 0"),
            .ifKnown("least", \.least, "limit: the smallest value"),
            .ifKnown("most", \.most, "limit: the largest value"),
            .always(
                "verdict", \.verdict, ChoiceCodec<Verdict>(),
                "the verdict; if the kernel accepts the handover, the finding is a warning, otherwise an error"),
            .always("stage", \.stage, ChoiceCodec<BootStage>(), "when the kernel does so"),
            .always("consequence", \.consequence, required: true, "what the kernel does, in a sentence"),
            .ifKnown("function", \.function, "the kernel's function"),
            .ifKnown("remedy", \.remedy, "how to fix it, in a sentence"),
        ])
}

extension ObjectForm.Member {
    /// A member that is `true` or missing.
    static func flag(_ key: String, _ path: WritableKeyPath<Object, Bool> & Sendable, _ summary: String) -> Self {
        .ifKnown(
            key, { $0[keyPath: path] ? true : nil }, { $0[keyPath: path] = $1 ?? false }, BooleanCodec(), summary)
    }
}
