/// The built-in descriptions of kinds.
///
/// Each is a document in `Catalogue/`, compiled in so that the command does not depend on other files.
enum Catalogue {
    /// The text of each document. To add one, add a file and a line here.
    static let documents: [[UInt8]] = [
        PackageResources.pci_json,
        PackageResources.pci_array_json,
        PackageResources.kvm_json,
        PackageResources.guest_memfd_json,
        PackageResources.vfio_json,
        PackageResources.iommufd_json,
        PackageResources.huge_memfd_json,
        PackageResources.tmpfs_json,
        PackageResources.hugetlb_json,
        PackageResources.iommu_json,
        PackageResources.hwpoison_json,
        PackageResources.pstore_json,
        PackageResources.kho_test_json,
        PackageResources.systemd_json,
    ]
}
