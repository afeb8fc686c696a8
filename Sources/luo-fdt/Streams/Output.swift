import Handover
import SystemPackage

/// The way in which commands write what they were asked for.
enum Output {
    /// Writes to a place. A signal meanwhile leaves nothing behind.
    ///
    /// - Parameter inputs: what the output is made from, which it must not be.
    static func write<Result>(
        to path: FilePath, inputs: [FilePath], _ body: (Destination) throws(OutputError) -> Result
    ) throws(OutputError) -> Result {
        let destination = try Destination(path, inputs: inputs)
        if !destination.isStream { Interruption.removesUnfinishedOutput() }
        return try body(destination)
    }
}
