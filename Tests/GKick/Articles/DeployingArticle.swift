import Testing

@testable import GKick

/// The code of Deploying.md, compiled.
@Suite struct DeployingArticle {
  @Test func addressAndTLS() {
    let token = "secret"
    let endpoint = Endpoint(
      "dns:///gkick.internal:7450", tls: ClientTLS(roots: .file("/etc/gkick/ca.pem")), token: token)
    #expect(endpoint.address == "dns:///gkick.internal:7450")
    #expect(endpoint.token == "secret")
  }

  @Test func theEnvironmentSaysWhereTheServerIs() {
    let bare = Endpoint(environment: { _ in nil })
    #expect(bare.address == "localhost:7450")
    #expect(bare.tls == nil)
    let variables = [
      "GKICK_ADDRESS": "gkick.internal:1", "GKICK_TOKEN": "t", "GKICK_TLS_CA": "ca.pem", "GKICK_TLS_CERT": "a.pem",
      "GKICK_TLS_KEY": "a.key",
    ]
    let full = Endpoint(environment: { variables[$0] })
    #expect(full.address == "gkick.internal:1")
    #expect(full.token == "t")
    guard case .file("ca.pem")? = full.tls?.roots else {
      Issue.record("\(String(describing: full.tls))")
      return
    }
    #expect(full.tls?.identity?.certificateChainFile == "a.pem")
    #expect(full.tls?.identity?.privateKeyFile == "a.key")
    #expect(Endpoint(environment: { $0 == "GKICK_TLS" ? "0" : nil }).tls == nil)
    let system = Endpoint(environment: { $0 == "GKICK_TLS" ? "true" : nil })
    guard case .system? = system.tls?.roots else {
      Issue.record("\(String(describing: system.tls))")
      return
    }
  }
}
