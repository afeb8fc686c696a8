/// A position in a document; converted to text only on demand.
indirect enum DocumentPath: Sendable {
    case root
    case member(DocumentPath, String)
    case element(DocumentPath, Int)
    /// A path that is already text.
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
