import Glibc
import SimulatedWorld

/// Runs many seeds of the simulation, one after the other; ends with 1 if one found a fault. See Scripts/simulate.
var from: UInt64 = .random(in: 0..<1_000_000_000)
var count: UInt64 = 100
var hours = 0.15
var isTracing = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--seeds": count = arguments.popFirst().flatMap(UInt64.init) ?? count
  case "--from": from = arguments.popFirst().flatMap(UInt64.init) ?? from
  case "--trace": isTracing = true
  case "--hours": hours = arguments.popFirst().flatMap(Double.init) ?? hours
  default:
    print("usage: simulate [--seeds N] [--from SEED] [--hours H]")
    exit(64)
  }
}
var failing: [UInt64] = []
for seed in from..<from + count {
  var plan = World.Plan(seed: seed)
  plan.hours = hours
  let world = try World(plan)
  if isTracing { world.trace = { print($0) } }
  try world.run()
  guard !world.oracle.faults.isEmpty else { continue }
  failing.append(seed)
  print("seed \(seed):")
  for fault in world.oracle.faults.prefix(4) { print("  \(fault)") }
}
print("\(count) seeds from \(from), \(failing.count) found a fault")
exit(failing.isEmpty ? 0 : 1)
