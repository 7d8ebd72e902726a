import Glibc
import Engine
import Jobs
import Support
import Testing

/// The whole engine on a store, in a world that does its worst; the same seed gives the same run.
/// `GKICK_SIMULATION_SEED` runs one seed, `GKICK_SIMULATION_HOURS` sets how long things go wrong in virtual time.
@Suite(.aside) struct SimulationTests {
  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  static let seeds: [UInt64] = {
    if let seed = environment("GKICK_SIMULATION_SEED").flatMap(UInt64.init) { return [seed] }
    return [1, 2, 3, 4]
  }()

  /// Seeds that find faults of the engine, or of the oracle, that are not understood yet. Each is to be mended and moved to the others; until then
  /// no seed is drawn at random above, since about one in six finds such a one.
  static let open: [(seed: UInt64, fault: String)] = [
    (1003, "jobs that run at the end"), (1007, "jobs that run at the end"),
    (1013, "a worker that can hold one holds two"),
    (1021, "two jobs have one unique key"), (1024, "a watcher is sent to a cursor beyond its own"),
  ]

  @Test(arguments: open) func faultsThatAreNotMendedYet(_ seed: UInt64, _ fault: String) throws {
    let world = try World(plan(seed, hours: 0.15))
    try world.run()
    withKnownIssue("\(fault)", isIntermittent: true) { #expect(world.oracle.faults.isEmpty, "seed \(seed)") }
  }

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
