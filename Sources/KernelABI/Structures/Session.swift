/// `struct luo_file_set_ser`: where the files of a session are.
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
public struct SessionLayout: KernelStructure {
    public let name: CharacterField
    public let fileSet: NestedField<FileSetLayout>
    public let structure: StructureDescription

    public static let layout = SessionLayout()

    private init() {
        var builder = StructureBuilder("luo_session_ser", packed: true, "One session.")
        name = builder.characters("name", count: 64, "The session's unique name.")
        fileSet = builder.nested("file_set_ser", FileSetLayout.layout, "The session's files.")
        structure = builder.finish()
    }
}

/// `struct luo_session_header_ser`: heads the array of sessions in `luo-v1`.
public struct SessionHeaderLayout: KernelStructure {
    public let count: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = SessionHeaderLayout()

    private init() {
        var builder = StructureBuilder("luo_session_header_ser", packed: true, "Heads the array of sessions.")
        count = builder.number("count", UInt64.self, .count, "The number of sessions that follow.")
        structure = builder.finish()
    }
}

/// `struct luo_file_ser`: one preserved file of a session.
public struct FileLayout: KernelStructure {
    public let compatible: CharacterField
    public let data: Field<UInt64>
    public let token: Field<UInt64>
    public let structure: StructureDescription

    public static let layout = FileLayout()

    private init() {
        var builder = StructureBuilder("luo_file_ser", packed: true, "One preserved file of a session.")
        compatible = builder.characters("compatible", count: 48, "The name of the handler that preserved the file.")
        data = builder.number("data", UInt64.self, .handle, "The handler's own handle; for memfds an address.")
        token = builder.number("token", UInt64.self, .handle, "Identifies the file within its session.")
        structure = builder.finish()
    }
}
