import NIOCore
import Support
import Testing

@testable import RPC

struct MessageDeframerTests {
  private enum Outcome: Equatable {
    case message([UInt8], Bool)
    case failed(StatusCode)
  }

  /// All that comes out of these pieces, and whether a message is left unfinished.
  private func run(_ pieces: [[UInt8]], maxMessage: Int = 1000) -> ([Outcome], isEmpty: Bool) {
    var deframer = MessageDeframer(maxMessage: maxMessage)
    var outcomes: [Outcome] = []
    for piece in pieces {
      var input = ByteBuffer(bytes: piece)
      pieces: while true {
        switch deframer.next(&input) {
        case .more: break pieces
        case .message(let message, let compressed):
          outcomes.append(.message(Array(message.readableBytesView), compressed))
        case .failed(let status): return (outcomes + [.failed(status.code)], deframer.isEmpty)
        }
      }
      #expect(input.readableBytes == 0)
    }
    return (outcomes, deframer.isEmpty)
  }

  private func frame(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    [flag, 0, 0, UInt8(message.count >> 8), UInt8(message.count & 255)] + message
  }

  @Test func messagesMayBeSplitAnywhere() {
    let bytes = frame([1, 2, 3]) + frame([]) + frame(Array(repeating: 9, count: 300), flag: 1)
    let expected = run([bytes])
    #expect(
      expected.0 == [.message([1, 2, 3], false), .message([], false), .message(Array(repeating: 9, count: 300), true)])
    #expect(expected.isEmpty)
    for split in 0...bytes.count {
      #expect(run([Array(bytes[..<split]), Array(bytes[split...])]).0 == expected.0, "split at \(split)")
    }
    #expect(run(bytes.map { [$0] }).0 == expected.0)
  }

  @Test func anUnfinishedMessageIsSeen() {
    let bytes = frame([1, 2, 3])
    for count in 1..<bytes.count { #expect(!run([Array(bytes[..<count])]).isEmpty, "\(count)") }
  }

  @Test func unknownFlagsAndLongMessagesFailFromThePrefix() {
    #expect(run([[2]]).0 == [.failed(.internal)])
    #expect(run([[0, 0, 0, 3, 233]]).0 == [.failed(.resourceExhausted)])
    #expect(run([[0, 0xff, 0xff, 0xff, 0xff]]).0 == [.failed(.resourceExhausted)])
    #expect(run([[0, 0, 0, 3, 232]]).0 == [])
  }

  @Test(arguments: 0..<8)
  func randomBytesNeverTrap(round: UInt64) {
    var random = SeededGenerator(seed: round)
    for _ in 0..<1000 {
      let pieces = (0..<Int.random(in: 0...6, using: &random)).map { _ in
        (0..<Int.random(in: 0...30, using: &random)).map { _ in
          Bool.random(using: &random) ? UInt8(0) : UInt8.random(in: 0...255, using: &random)
        }
      }
      let whole = run([pieces.flatMap { $0 }])
      let split = run(pieces)
      #expect(whole.0 == split.0, "seed \(round)")
    }
  }
}
