import Glibc
import SimulatedWorld

// Runs many seeds of the simulation, one after the other; ends with 1 if one found a fault. See Scripts/simulate.

struct Options {
  var from: UInt64 = .random(in: 0..<1_000_000_000)
  var count: UInt64 = 100
  var hours: Double?
  var kind: World.Kind?
  /// Ends after so many seconds, however many seeds that were.
  var seconds = Double.infinity
  var isTracing = false
  var readsAside = true
  /// Ends at the first seed that finds a fault.
  var untilFound = false
  /// Of the bug that is in it.
  var name: String?

  init(_ arguments: [String]) {
    var arguments = arguments[...]
    while let argument = arguments.popFirst() {
      switch argument {
      case "--seeds": count = Self.number(argument, arguments.popFirst(), UInt64.init)
      case "--from": from = Self.number(argument, arguments.popFirst(), UInt64.init)
      case "--hours": hours = Self.number(argument, arguments.popFirst(), Double.init)
      case "--seconds": seconds = Self.number(argument, arguments.popFirst(), Double.init)
      case "--kind": kind = Self.number(argument, arguments.popFirst(), World.Kind.init(rawValue:))
      case "--name": name = arguments.popFirst()
      case "--until-found": untilFound = true
      case "--trace": isTracing = true
      case "--inline": readsAside = false
      default: Self.refuse("there is no '\(argument)'")
      }
    }
  }

  private static func number<T>(_ option: String, _ text: String?, _ read: (String) -> T?) -> T {
    guard let value = text.flatMap(read) else { refuse("\(option): not '\(text ?? "")'") }
    return value
  }

  private static func refuse(_ text: String) -> Never {
    say(
      """
      simulate: \(text)
      usage: simulate [--seeds N] [--from SEED] [--hours H] [--seconds S] [--trace] [--inline]
                      [--kind \(World.Kind.allCases.map(\.rawValue).joined(separator: "|"))]
      """)
    exit(64)
  }
}

/// Also when somebody reads along through a pipe.
func say(_ text: String) {
  print(text)
  fflush(nil)
}

func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
let started = seconds()
var told = started
var failing: [UInt64] = []
var simulated = 0.0
var done: UInt64 = 0
while done < options.count, seconds() - started < options.seconds {
  let seed = options.from + done
  var plan = World.Plan(seed: seed, options.kind)
  if let hours = options.hours { plan.hours = hours }
  plan.readsAside = options.readsAside
  let world = try World(plan)
  if options.isTracing { world.trace = { say($0) } }
  try world.run()
  done += 1
  simulated += world.hours
  if !world.oracle.faults.isEmpty {
    failing.append(seed)
    if let name = options.name {
      say("\(name): found after \(done) seeds: \(world.oracle.faults[0])")
    } else {
      say(
        "seed \(seed) (\(plan.kind.rawValue)): Scripts/simulate --seeds 1 --from \(seed)"
          + (options.hours.map { " --hours \($0)" } ?? "")
          + (options.kind.map { " --kind \($0.rawValue)" } ?? "") + (options.readsAside ? "" : " --inline"))
      for fault in world.oracle.faults.prefix(5) { say("  \(fault)") }
    }
    if options.untilFound { break }
  }
  if seconds() - told > 10 {
    told = seconds()
    let rate = Double(done) / (told - started)
    say(
      "\(done) of \(options.count) seeds, \(Int(rate * 10)) in ten seconds, \(failing.count) found a fault"
    )
  }
}
if let name = options.name, failing.isEmpty { say("\(name): not found in \(done) seeds") }
if options.name == nil {
  say(
    "\(done) seeds from \(options.from), \(Int(simulated)) hours in \(Int(seconds() - started)) s, \(failing.count) found a fault"
      + (failing.isEmpty ? "" : ": \(failing)"))
}
exit(failing.isEmpty ? 0 : 1)
