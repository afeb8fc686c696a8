import Testing

@testable import Handover

/// The text of findings.
@Suite struct FindingTextTests {
    @Test(arguments: [
        (Place("luo_ser", field: "compatible"), Owner.luo(), "luo_ser.compatible of LUO"),
        (Place("map of preserved memory"), .map, "map of preserved memory"),
        (Place("region"), .region("r"), "region \"r\""),
        (Place("root FDT"), .kho, "root FDT"),
    ])
    func `the owner is not named twice`(place: Place, owner: Owner, subject: String) {
        let finding = Finding(.missing, of: owner, at: place, found: "a", expected: "b")
        #expect(finding.description == "\(subject): found a, expected b")
    }
}
