import Dispatch
import Synchronization

/// Runs work on all processors in parallel.
///
/// Starting takes a tenth of a millisecond, so it is for work that takes much longer.
enum SideBySide {
    /// The results of `transform` for the elements, in order.
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

    /// Frees what `value` refers to on another processor, unless something else still refers to it.
    static func free(_ value: some Sendable) {
        DispatchQueue.global().async { withExtendedLifetime(value) {} }
    }
}
