import Engine
import Jobs
import MemoryStorage
import NIOPosix
import RPC
import Testing

@testable import Services

@Suite struct PlacesTests {
  /// A server that does not lead has no engine to register methods with: its list must be the same.
  @Test func theListOfMethodsIsWhatTheServicesRegister() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let host = try EngineHost(
      storage: MemoryStorage(), configuration: EngineConfiguration(), seed: 1, group: group)
    host.start()
    var methods = MethodTable()
    Services.register(
      into: &methods, host: host,
      configuration: ServicesConfiguration(
        serverID: "s", version: "1", address: "", storeKind: "memory", startedAt: EngineHost.wallClock()))
    #expect(Set(methods.paths) == Set(Services.methods.map(\.path)))
    try await host.stop()
    try await group.shutdownGracefully()
  }
}
