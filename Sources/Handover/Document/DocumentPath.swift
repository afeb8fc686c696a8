/// Where in a document something stands; the text is put together only when it is asked for.
indirect enum DocumentPath: Sendable {
    case root
    case member(DocumentPath, String)
    case element(DocumentPath, Int)
    /// A path that has been put together already.
    case text(String)

    subscript(key: String) -> DocumentPath { .member(self, key) }
    subscript(index: Int) -> DocumentPath { .element(self, index) }

    var text: String {
        switch self {
        case .root: ""
        case .text(let text): text
        case .member(let parent, let key): "\(parent.text).\(key)"
        case .element(let parent, let index): "\(parent.text)[\(index)]"
        }
    }
}
