import Foundation
import HTTP2
import NIOCore
import Support
import Testing

/// Random and mutated bytes: nothing may trap, and memory stays bounded. The corpus holds whole client connections.
struct FuzzTests {
  static let corpus: [[UInt8]] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")
    let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    return files.sorted { $0.path < $1.path }.compactMap { try? [UInt8](Data(contentsOf: $0)) }
  }()

  @Test func theCorpusIsThere() { #expect(Self.corpus.count >= 4) }

  @Test(arguments: 0..<8)
  func mutatedConnectionsNeverTrap(round: Int) throws {
    let seed = UInt64(round) &* 0x9e37_79b9_7f4a_7c15 &+ 1
    var random = SeededGenerator(seed: seed)
    for _ in 0..<250 {
      var bytes = Self.corpus.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 0...8, using: &random) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = .random(in: 0...255, using: &random)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(.random(in: 0...255, using: &random), at: position)
        default:
          let end = min(bytes.count, position + Int.random(in: 1...40, using: &random))
          bytes.insert(contentsOf: bytes[position..<end], at: position)
        }
      }
      let server = try Recorder(HTTP2Configuration(role: .server))
      var rest = ByteBuffer(bytes: bytes)
      while rest.readableBytes > 0 {
        let part = rest.readSlice(length: min(rest.readableBytes, Int.random(in: 1...200, using: &random)))!
        let alive = server.receive(part)
        for case .headers(let slot, _, _, _) in server.events where Bool.random(using: &random) {
          guard server.session.streamID(slot) != 0 else { continue }
          server.session.respond(slot, .response, endStream: Bool.random(using: &random))
          server.session.write(slot, [0, 0, 0, 0, 1, 5])
          server.session.finish(slot, trailers: HTTP2HeaderList([("grpc-status", "0")]))
        }
        server.events = []
        #expect(server.produce().readableBytes < 1 << 20, "seed \(seed)")
        if !alive { break }
      }
    }
  }
}
