import CLibBPF
import KernelABI

extension TypeInformation {
    /// The structure of this tag with its members' types as C spells them; `nil` if the kernel has none.
    ///
    /// Members of a type that is no integer, structure, or array of these are bytes: `u8[12]`.
    public func declaration(of name: String) -> DeclaredStructure? {
        guard let structure = structure(named: name) else { return nil }
        let types = memberTypes(of: name)
        let members = structure.members.indices.map { index in
            let member = structure.members[index]
            let type = index < types.count ? types[index] : (name: "", width: 0)
            return DeclaredStructure.Member(
                name: member.name, type: type.name, bitOffset: member.bitOffset,
                bitWidth: type.width > 0 ? type.width : nil)
        }
        return DeclaredStructure(name: name, size: structure.size, members: members)
    }
}
