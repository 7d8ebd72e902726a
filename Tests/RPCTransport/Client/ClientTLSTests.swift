import Glibc
import NIOCore
import RPC
import Testing

@testable import RPCTransport

@Suite(.timeLimit(.minutes(1)), .enabled(if: TestCertificates.isPossible)) struct ClientTLSTests {
  private func server(
    _ certificates: TestCertificates, mutual: Bool, port: Int = 0
  ) async throws -> (EchoServer, Int) {
    var configuration = ServerConfiguration()
    configuration.tls = ServerTLS(
      certificateChain: certificates.chain("server"), privateKey: certificates.key("server"),
      clientRoots: mutual ? certificates.root : nil)
    let server = try EchoServer(configuration)
    return (server, try await server.listen(port: port))
  }

  private func status(_ channel: ClientChannel) async -> Status {
    let status = await channel.unaryResponse(EchoServer.unary, text("secret")).status
    await channel.close()
    return status
  }

  @Test func speaksTLSWithNamesAndAddresses() async throws {
    let certificates = try TestCertificates()
    let (server, port) = try await server(certificates, mutual: false)
    let tls = ClientTLS(roots: .file(certificates.root))
    let byAddress = try ClientChannel.make(.hostPort("127.0.0.1", port)) { $0.tls = tls }
    #expect(await status(byAddress) == .ok)
    let byName = try ClientChannel.make(.addresses([.init("127.0.0.1", port)])) {
      $0.tls = ClientTLS(roots: .file(certificates.root), serverName: "localhost")
    }
    #expect(await status(byName) == .ok)
    await server.stop()
  }

  @Test func trustsNobodyElse() async throws {
    // A certificate that bears the server's IP address is good for any name: so this one does not.
    let certificates = try TestCertificates(names: "DNS:localhost")
    let other = try TestCertificates()
    let (server, port) = try await server(certificates, mutual: false)
    func channel(_ change: (inout ClientTLS) -> Void) throws -> ClientChannel {
      var tls = ClientTLS(roots: .file(certificates.root), serverName: "localhost")
      change(&tls)
      return try ClientChannel.make(.hostPort("127.0.0.1", port)) { $0.tls = tls }
    }
    #expect(await status(try channel { _ in }) == .ok)
    // Another root, another name, plaintext.
    #expect(await status(try channel { $0.roots = .file(other.root) }).code == .unavailable)
    #expect(await status(try channel { $0.serverName = "example.com" }).code == .unavailable)
    let plain = try ClientChannel.make(.hostPort("127.0.0.1", port)) { $0.backoff.connectTimeout = .seconds(2) }
    #expect(await status(plain).code == .unavailable)
    #expect(
      await status(
        try channel {
          $0.roots = .file(other.root)
          $0.verifiesServer = false
        }) == .ok)
    await server.stop()
  }

  @Test func provesWhoItIs() async throws {
    let certificates = try TestCertificates()
    let (server, port) = try await server(certificates, mutual: true)
    var tls = ClientTLS(roots: .file(certificates.root))
    let nobody = try ClientChannel.make(.hostPort("127.0.0.1", port)) { [tls] in $0.tls = tls }
    #expect(await status(nobody).code == .unavailable)
    tls.identity = ClientTLS.Identity(
      certificateChainFile: certificates.chain("client"), privateKeyFile: certificates.key("client"))
    let somebody = try ClientChannel.make(.hostPort("127.0.0.1", port)) { [tls] in $0.tls = tls }
    #expect(await status(somebody) == .ok)
    await server.stop()
  }

  @Test func takesFilesThatWereRenewedForTheNextConnection() async throws {
    let certificates = try TestCertificates()
    let (old, port) = try await server(certificates, mutual: true)
    let channel = try ClientChannel.make(.hostPort("127.0.0.1", port)) {
      $0.tls = ClientTLS(
        roots: .file(certificates.root),
        identity: .init(certificateChainFile: certificates.chain("client"), privateKeyFile: certificates.key("client")))
    }
    func call() async -> StatusCode {
      await channel.unaryResponse(
        EchoServer.unary, text("secret"), options: CallOptions(timeout: .seconds(20), waitForReady: true)
      ).status.code
    }
    #expect(await call() == .ok)
    await old.stop()
    // Another authority, and all that it has signed, in the place of those that there were.
    let renewed = try TestCertificates()
    let files =
      [(renewed.root, certificates.root)]
      + ["server", "client"].flatMap { name in
        [(renewed.chain(name), certificates.chain(name)), (renewed.key(name), certificates.key(name))]
      }
    for (file, place) in files { #expect(rename(file, place) == 0) }
    let (new, _) = try await server(certificates, mutual: true, port: port)
    #expect(await call() == .ok)
    await new.stop()
    await channel.close()
  }

  @Test func filesThatCannotBeUsedAreToldOfOnce() throws {
    let certificates = try TestCertificates()
    let store = try CertificateStore(
      ServerTLS(certificateChain: certificates.chain("server"), privateKey: certificates.key("server")))
    let before = store.context
    #expect(try !store.reloadIfChanged())
    _ = try certificates.folder.write("server.pem", "half of a certificate")
    #expect(throws: TLSFileProblem.self) { try store.reloadIfChanged() }
    #expect(try !store.reloadIfChanged())
    #expect(throws: TLSFileProblem.self) { try store.reload() }
    #expect(store.context === before)
    let renewed = try TestCertificates()
    for name in ["server.pem", "server.key"] {
      #expect(rename(renewed.folder.file(name), certificates.folder.file(name)) == 0)
    }
    #expect(try store.reloadIfChanged())
    #expect(store.context !== before)
  }

  @Test func saysWhichFileItCannotRead() {
    #expect(throws: (any Error).self) {
      try ClientChannel.make(.hostPort("127.0.0.1", 1)) { $0.tls = ClientTLS(roots: .file("/nowhere.pem")) }
    }
  }
}
