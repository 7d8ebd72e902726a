import Synchronization
import Testing

@testable import RPCServices

@Suite struct HealthStatusTests {
  @Test func watchersAreToldOfTheirServicesChangesOnly() {
    let health = HealthStatus()
    let told = Mutex(0)
    let id = health.watch("a") { told.withLock { $0 += 1 } }
    health.set(.serving, for: "a")
    health.set(.serving, for: "a")
    health.set(.serving, for: "b")
    #expect(told.withLock { $0 } == 1)
    health.remove("a")
    health.remove("a")
    #expect(told.withLock { $0 } == 2)
    health.unwatch(id)
    health.set(.serving, for: "a")
    #expect(told.withLock { $0 } == 2)
    #expect(health.watcherCount == 0)
  }

  @Test func shutdownIsForGood() {
    let health = HealthStatus()
    health.set(.serving, for: "a")
    health.shutdown()
    health.set(.serving, for: "a")
    health.set(.serving, for: "new")
    #expect(health.all == ["": .notServing, "a": .notServing])
  }
}
