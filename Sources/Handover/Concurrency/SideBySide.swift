import Dispatch
import Synchronization

/// Work that is done on all processors at once.
///
/// It takes a tenth of a millisecond to start, so it is for what takes much longer.
enum SideBySide {
    /// What `transform` makes of the elements, in their order.
    static func map<Element: Sendable, Result: Sendable>(
        _ elements: [Element], _ transform: @Sendable (Element) -> Result
    ) -> [Result] {
        let results = Mutex<[(index: Int, result: Result)]>([])
        DispatchQueue.concurrentPerform(iterations: elements.count) { index in
            let result = transform(elements[index])
            results.withLock { $0.append((index, result)) }
        }
        return results.withLock { $0 }.sorted { $0.index < $1.index }.map(\.result)
    }

    /// Frees what `value` refers to on another processor, where nothing else does so later.
    static func free(_ value: some Sendable) {
        DispatchQueue.global().async { withExtendedLifetime(value) {} }
    }
}
