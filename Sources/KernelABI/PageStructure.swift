/// A kernel structure that fills a page, so that its layout depends on the page size.
public protocol PageStructure: KernelStructure {
    init(pageSize: PageSize)
    static var layouts: PageLayouts<Self> { get }
}

extension PageStructure {
    /// The layout for a page size; created once.
    @inlinable
    public static func layout(_ pageSize: PageSize) -> Self { layouts[pageSize] }
}

/// The layouts of a structure, one for each page size.
public struct PageLayouts<Layout: PageStructure>: Sendable {
    @usableFromInline let kib4 = Layout(pageSize: .kib4)
    @usableFromInline let kib16 = Layout(pageSize: .kib16)
    @usableFromInline let kib64 = Layout(pageSize: .kib64)

    @inlinable
    subscript(pageSize: PageSize) -> Layout {
        switch pageSize {
        case .kib4: kib4
        case .kib16: kib16
        case .kib64: kib64
        }
    }
}
