import Handover
import SystemPackage

/// Writes the output of commands.
enum Output {
    /// Writes to a path. If a signal interrupts it, no partial output remains.
    ///
    /// - Parameter inputs: The files that the output is made from; it must not overwrite them.
    static func write<Result>(
        to path: FilePath, inputs: [FilePath], _ body: (Destination) throws(OutputError) -> Result
    ) throws(OutputError) -> Result {
        let destination = try Destination(path, inputs: inputs)
        if !destination.isStream { Interruption.removesUnfinishedOutput() }
        return try body(destination)
    }
}
