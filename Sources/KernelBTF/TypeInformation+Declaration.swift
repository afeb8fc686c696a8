import KernelABI

extension TypeInformation {
    /// The structure of this tag, to lay payloads out by; `nil` if the kernel has none.
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
