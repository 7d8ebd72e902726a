import NIOCore
import Testing

@testable import RPCTransport

@Suite struct ClientSettingsTests {
  @Test func readsTargets() {
    func target(_ text: String) -> ClientTarget? { ClientTarget(text, defaultPort: 7) }
    #expect(target("localhost:80") == .hostPort("localhost", 80))
    #expect(target("localhost") == .hostPort("localhost", 7))
    #expect(target("[::1]:80") == .hostPort("::1", 80))
    #expect(target("[::1]") == .hostPort("::1", 7))
    #expect(target("::1") == .hostPort("::1", 7))
    #expect(target("dns:///a.example:1") == .hostPort("a.example", 1))
    #expect(target("dns:a.example") == .hostPort("a.example", 7))
    #expect(target("a:1,b:2") == .addresses([.init("a", 1), .init("b", 2)]))
    #expect(target("ipv4:10.0.0.1:1,10.0.0.2") == .addresses([.init("10.0.0.1", 1), .init("10.0.0.2", 7)]))
    #expect(target("ipv6:[::1]:5") == .addresses([.init("::1", 5)]))
    #expect(target("unix:/run/g.sock") == .unix("/run/g.sock"))
    #expect(target("unix:///run/g.sock") == .unix("/run/g.sock"))
    for bad in ["", ":80", "a:b", "a:70000", "a:-1", "[::1", "[::1]x", "unix:", "ipv4:", "a,,b"] {
      #expect(target(bad) == nil, "\(bad)")
    }
  }

  @Test func namesTheServer() {
    #expect(ClientTarget.hostPort("a.example", 443).authority == "a.example:443")
    #expect(ClientTarget.hostPort("::1", 443).authority == "[::1]:443")
    #expect(ClientTarget.hostPort("a.example", 443).serverName == "a.example")
    #expect(ClientTarget.unix("/x").authority == "localhost")
  }

  @Test func waitsLongerAfterEachFailure() {
    let backoff = ConnectionBackoff()
    func wait(_ failures: Int, _ draw: Double = 0.5) -> Double {
      Double(backoff.wait(afterFailures: failures, draw: draw).nanoseconds) / 1e9
    }
    #expect(wait(1) == 1)
    #expect(abs(wait(2) - 1.6) < 1e-6)
    #expect(abs(wait(3) - 2.56) < 1e-6)
    #expect(wait(1_000_000) == 120)
    #expect(abs(wait(1, 0) - 0.8) < 1e-6)
    #expect(wait(1, 0.999) < 1.2)
    #expect(wait(50, 1) <= 144)
  }
}
