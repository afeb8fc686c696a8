extension FileState {
    /// The bytes of the file, if its kind is known to have some.
    public var fileContents: FileContents? { content?.fileContents }

    /// What `dump` shows of the content, in columns.
    public var contentCells: [ContentCell]? { content?.cells }
    /// The records that the content leads to.
    public var contentLists: [ContentList] { content?.lists ?? [] }
}

extension FLBState {
    /// What `dump` shows of the payload, in columns.
    public var contentCells: [ContentCell]? { content?.cells }
    /// The records that the content leads to.
    public var contentLists: [ContentList] { content?.lists ?? [] }
}

extension SubtreeState {
    /// What `dump` shows of the payload, in columns.
    public var contentCells: [ContentCell]? { content?.cells }
    /// The records that the content leads to.
    public var contentLists: [ContentList] { content?.lists ?? [] }
}
