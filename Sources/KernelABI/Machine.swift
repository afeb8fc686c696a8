/// A processor architecture whose kernels hand memory over.
public enum Machine: String, Hashable, Sendable, CaseIterable {
    case x86_64
    case aarch64
}
