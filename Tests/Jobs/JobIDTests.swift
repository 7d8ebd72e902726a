import Support
import Testing

@testable import Jobs

@Suite struct JobIDTests {
  private let salt: UInt32 = 0xABC_1234
  private let at = Timestamp(microseconds: 1_764_000_000_123_456)

  @Test func itLooksLikeAUUIDv7() {
    let id = JobID.make(seq: 0x2BCD_EF01_2345, at: at, salt: salt)
    #expect(id == "019ab697-e87b-7abc-abcd-ef0123451234")
  }

  @Test(arguments: [1, 2] as [UInt64]) func theSeqIsFoundAgain(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let seq = Int64.random(in: 1..<(1 << Int64.random(in: 1...46, using: &random)), using: &random)
      let salt = UInt32.random(in: 0...0xFFF_FFFF, using: &random)
      let id = JobID.make(seq: seq, at: at, salt: salt)
      #expect(JobID.seq(of: id, salt: salt) == seq)
      #expect(JobID.seq(of: id, salt: salt ^ 1) == nil)
      #expect(JobID.seq(of: id, salt: salt ^ 0x100_0000) == nil)
    }
  }

  @Test func nothingElseHasASeq() {
    let id = JobID.make(seq: 12_345, at: at, salt: salt)
    #expect(JobID.seq(of: id, salt: salt) == 12_345)
    let others = ["", "x", id + "0", String(id.dropLast()), id.uppercased(), String(repeating: "é", count: 18)]
    for other in others { #expect(JobID.seq(of: other, salt: salt) == nil) }
    // Any other character in any place, but a digit for a digit of the time or of the seq.
    let bytes = Array(id.utf8)
    for place in bytes.indices {
      for byte in UInt8(1)...127 where byte != bytes[place] {
        var changed = bytes
        changed[place] = byte
        let isDigit =
          (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        let found = JobID.seq(of: String(decoding: changed, as: UTF8.self), salt: salt)
        if !isDigit { #expect(found == nil, "\(place) \(byte)") }
        if isDigit, place < 13, place != 8 { #expect(found == 12_345) }
      }
    }
  }
}
