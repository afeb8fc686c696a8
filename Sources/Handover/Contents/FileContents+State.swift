extension FileState {
    /// The bytes of the file, if its kind is known to have any.
    public var fileContents: FileContents? { content?.fileContents }

    /// What `dump` shows about the content, in columns.
    public var contentCells: [ContentCell]? { content?.cells }
    /// The records that the content refers to.
    public var contentLists: [ContentList] { content?.lists ?? [] }
}

extension FLBState {
    /// What `dump` shows about the payload, in columns.
    public var contentCells: [ContentCell]? { content?.cells }
    /// The records that the content refers to.
    public var contentLists: [ContentList] { content?.lists ?? [] }
}

extension SubtreeState {
    /// What `dump` shows about the payload, in columns.
    public var contentCells: [ContentCell]? { content?.cells }
    /// The records that the content refers to.
    public var contentLists: [ContentList] { content?.lists ?? [] }
}
