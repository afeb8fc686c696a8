import KernelABI

extension TypeInformation {
    /// The declaration of a structure, from which to lay out payloads; `nil` if the kernel does not have it.
    public func declaration(of name: String) -> DeclaredStructure? {
        structure(named: name).map { structure in
            DeclaredStructure(
                name: name, size: structure.size,
                members: structure.members.map { member in
                    DeclaredStructure.Member(
                        name: member.name, type: member.type, bitOffset: member.bitOffset, bitWidth: member.bitWidth)
                })
        }
    }
}
