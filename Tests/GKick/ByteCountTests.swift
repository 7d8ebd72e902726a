import GKick
import Testing

@Suite struct ByteCountTests {
  @Test(arguments: [
    (0, "0 bytes"), (1, "1 byte"), (1_023, "1023 bytes"), (1_024, "1 KiB"), (1_536, "1.5 KiB"), (8 << 20, "8 MiB"),
    (100_000_000, "95.4 MiB"), ((1 << 20) - 1, "1 MiB"), (3 << 40, "3072 GiB"),
  ])
  func `A size in words`(_ bytes: Int, _ text: String) {
    #expect(ByteCount.text(bytes) == text)
  }

  @Test func `What is too large says so`() {
    #expect("\(ResultTooLarge(size: 8 << 20, limit: 4 << 20))" == "result of 8 MiB, at most 4 MiB")
  }
}
