import Synchronization

/// The built-in descriptions of kinds.
///
/// Each is a document in `Catalogue/`, compiled in so that the command does not depend on other files.
enum Catalogue {
    /// A document and the names that it describes. It is parsed when one of them is looked up: most handovers use none.
    final class Entry: Sendable {
        let place: ContentPlace
        let names: [String]
        let text: [UInt8]
        private let parsed = Mutex<[DescribedKind]?>(nil)

        init(_ place: ContentPlace, _ names: [String], _ text: [UInt8]) {
            self.place = place
            self.names = names
            self.text = text
        }

        var kinds: [DescribedKind] {
            parsed.withLock { kinds in
                // A test parses all of them, and reports errors.
                let known =
                    kinds ?? (try? DescribedKind.kinds(in: DocumentReader.read(KindDocument.self, from: text))) ?? []
                kinds = known
                return known
            }
        }
    }

    /// The documents. To add one, add a file and a line here.
    static let entries: [Entry] = [
        Entry(.flb, ["pci"], PackageResources.pci_json),
        Entry(.flb, ["pci-v1", "pci-v2"], PackageResources.pci_array_json),
        Entry(.file, ["kvm_vm_luo_v1"], PackageResources.kvm_json),
        Entry(.file, ["guest_memfd_luo_v1"], PackageResources.guest_memfd_json),
        Entry(.file, ["vfio-pci-v1"], PackageResources.vfio_json),
        Entry(.file, ["iommufd-v1"], PackageResources.iommufd_json),
        Entry(.file, ["huge-memfd-v1"], PackageResources.huge_memfd_json),
        Entry(.file, ["tmpfs-mnt-v1", "tmpfs-file-v1"], PackageResources.tmpfs_json),
        Entry(.flb, ["hugetlb-v1"], PackageResources.hugetlb_json),
        Entry(.flb, ["iommu-liveupdate-v1", "iommu-liveupdate"], PackageResources.iommu_json),
        Entry(.subtree, ["hwpoison"], PackageResources.hwpoison_json),
        Entry(.subtree, ["pstore-kho"], PackageResources.pstore_json),
        Entry(.subtree, ["kho_test"], PackageResources.kho_test_json),
        Entry(.session, ["systemd"], PackageResources.systemd_json),
    ]
}
