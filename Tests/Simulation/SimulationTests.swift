import Glibc
import SimulatedWorld
import Support
import Testing

/// The whole engine on a store, in a world that does its worst; the same seed gives the same run. `Scripts/simulate` runs many more.
/// `GKICK_SIMULATION_SEED` runs one seed, `GKICK_SIMULATION_HOURS` sets how long things go wrong in virtual time.
@Suite(.aside) struct SimulationTests {
  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Some that found faults once, and some that nobody has seen.
  static let seeds: [UInt64] = {
    if let seed = environment("GKICK_SIMULATION_SEED").flatMap(UInt64.init) { return [seed] }
    return [1003, 1013, 1021, 1043] + (0..<4).map { _ in UInt64.random(in: 10_000..<1_000_000_000) }
  }()

  private func plan(_ seed: UInt64, hours: Double) -> World.Plan {
    var plan = World.Plan(seed: seed)
    plan.hours = Self.environment("GKICK_SIMULATION_HOURS").flatMap(Double.init) ?? hours
    return plan
  }

  @Test(arguments: seeds) func theInvariantsHoldWhateverHappens(_ seed: UInt64) throws {
    let world = try World(plan(seed, hours: 0.15))
    try world.run()
    #expect(world.oracle.faults.isEmpty, "seed \(seed)")
    #expect(world.oracle.acknowledged.count > 100, "seed \(seed)")
  }

  @Test func theSameSeedGivesTheSameEffects() throws {
    let seed = UInt64.random(in: 0..<1_000_000_000)
    let digests = try (0..<2).map { _ in
      let world = try World(plan(seed, hours: 0.05))
      try world.run()
      return world.digest
    }
    #expect(digests[0] == digests[1], "seed \(seed)")
  }
}
