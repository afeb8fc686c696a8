import Handover
import SystemPackage

/// The way in which commands write what they were asked for.
enum Output {
    /// The place to write to; `nil`, and the reason said, if it cannot be written to.
    ///
    /// - Parameter inputs: what the output is made from.
    static func destination(_ path: FilePath, inputs: [FilePath]) -> Destination? {
        attempt { () throws(OutputError) in try Destination(path, inputs: inputs) }
    }

    /// Writes to a place; `nil`, and the reason said, if that fails. A signal meanwhile leaves nothing behind.
    static func write<Result>(
        to path: FilePath, inputs: [FilePath], _ body: (Destination) throws(OutputError) -> Result
    ) -> Result? {
        guard let destination = destination(path, inputs: inputs) else { return nil }
        if !destination.isStream { Interruption.removesUnfinishedOutput() }
        return attempt { () throws(OutputError) in try body(destination) }
    }

    private static func attempt<Result>(_ body: () throws(OutputError) -> Result) -> Result? {
        do throws(OutputError) {
            return try body()
        } catch {
            Diagnostics.report("\(error)")
            return nil
        }
    }
}
