/// `struct luo_file_set_ser`: the address and number of a session's files.
public struct FileSetLayout: KernelStructure {
    public let files: Field<PhysicalAddress>
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FileSetLayout()

    private init() {
        var builder = StructureBuilder("luo_file_set_ser", packed: true, "The files of a session.")
        files = builder.address("files", of: "luo_file_ser", "The first block, or the array, of files; 0 for none.")
        count = builder.number("count", UInt64.self, .count, "The number of files.")
        structure = builder.finish()
    }
}

/// `struct luo_session_ser`: one session.
public struct SessionLayout: RecordLayout {
    public let name: CharacterField
    public let fileSet: NestedField<FileSetLayout>
    public let structure: StructureDescription
    public let further: [FieldDescription]

    /// Since `luo-v1`.
    public static let v1 = SessionLayout { builder in
        (
            name: builder.characters("name", count: 64, "The session's unique name."),
            fileSet: builder.nested("file_set_ser", FileSetLayout.layout, "The session's files.")
        )
    }

    /// - Parameter fields: Adds all fields in the kernel's order, and returns those with a meaning here.
    init(_ fields: (inout StructureBuilder) -> (name: CharacterField, fileSet: NestedField<FileSetLayout>)) {
        var builder = StructureBuilder("luo_session_ser", packed: true, "One session.")
        (name, fileSet) = fields(&builder)
        structure = builder.finish()
        further = structure.fields(besides: name, fileSet)
    }
}

/// `struct luo_session_header_ser`: the header of the array of sessions in `luo-v1`.
public struct SessionHeaderLayout: RecordHeader {
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = SessionHeaderLayout()

    private init() {
        var builder = StructureBuilder("luo_session_header_ser", packed: true, "The header of the array of sessions.")
        count = builder.number("count", UInt64.self, .count, "The number of sessions that follow.")
        structure = builder.finish()
    }
}

/// `struct luo_file_ser`: one preserved file of a session.
public struct FileLayout: RecordLayout {
    public let compatible: CharacterField
    public let data: Field<UInt64>
    public let token: Field<UInt64>
    public let structure: StructureDescription
    public let further: [FieldDescription]

    /// Since `luo-v1`.
    public static let v1 = FileLayout { builder in
        (
            compatible: builder.characters("compatible", count: 48, "The name of the handler that preserved the file."),
            data: builder.number("data", UInt64.self, .handle, "The handler's own handle, usually an address."),
            token: builder.number("token", UInt64.self, .handle, "Identifies the file within its session.")
        )
    }

    /// - Parameter fields: Adds all fields in the kernel's order, and returns those with a meaning here.
    init(
        _ fields: (inout StructureBuilder) -> (compatible: CharacterField, data: Field<UInt64>, token: Field<UInt64>)
    ) {
        var builder = StructureBuilder("luo_file_ser", packed: true, "One preserved file of a session.")
        (compatible, data, token) = fields(&builder)
        structure = builder.finish()
        further = structure.fields(besides: compatible, data, token)
    }
}
