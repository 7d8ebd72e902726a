import Glibc
import SimulatedWorld
import Support
import Testing

/// Servers on a store, in a world that does its worst; the same seed gives the same run. `Scripts/simulate` runs many more.
/// `GKICK_SIMULATION_SEED` runs one seed, `GKICK_SIMULATION_HOURS` sets how long things go wrong in virtual time.
@Suite(.aside) struct SimulationTests {
  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  private static func random(_ count: Int) -> [UInt64] {
    (0..<count).map { _ in UInt64.random(in: 10_000..<1_000_000_000) }
  }

  /// Some that found faults once, and some that nobody has seen.
  static let runs: [(seed: UInt64, kind: World.Kind)] = {
    if let seed = environment("GKICK_SIMULATION_SEED").flatMap(UInt64.init) {
      return [(seed, World.Plan(seed: seed).kind)]
    }
    return ([1003, 1016, 1021] + random(2)).map { ($0, .one) }
      + ([1, 2] + random(2)).map { ($0, .several) }
      + [(1, .embedded)]
  }()

  private func plan(_ seed: UInt64, _ kind: World.Kind, hours: Double = 0.15) -> World.Plan {
    var plan = World.Plan(seed: seed, kind)
    plan.hours = Self.environment("GKICK_SIMULATION_HOURS").flatMap(Double.init) ?? hours
    return plan
  }

  @Test(arguments: runs) func theInvariantsHoldWhateverHappens(_ seed: UInt64, _ kind: World.Kind)
    throws
  {
    let world = try World(plan(seed, kind))
    try world.run()
    #expect(
      world.oracle.faults.isEmpty,
      "Scripts/simulate --seeds 1 --from \(seed) --kind \(kind.rawValue)")
    #expect(world.oracle.acknowledged.count > 100, "seed \(seed)")
  }

  @Test(arguments: [World.Kind.one, .several]) func theSameSeedGivesTheSameEffects(
    _ kind: World.Kind
  ) throws {
    let seed = UInt64.random(in: 0..<1_000_000_000)
    let digests = try (0..<2).map { _ in
      let world = try World(plan(seed, kind, hours: 0.05))
      try world.run()
      return world.digest
    }
    #expect(digests[0] == digests[1], "seed \(seed)")
  }
}
