import GKick
import Glibc
import Logging
import Synchronization

// Measures how many jobs that do nothing a Swift worker runs per second; `Benchmarks/worker/run` does all of it, with a server beside it.
//
//   worker-benchmark fill PORT COUNT
//   worker-benchmark work PORT COUNT [CONCURRENCY]
//
// `work` ends when it has run COUNT jobs and prints jobs per second and its own CPU time per job; `fill` enqueues as many.

struct Nothing: JobParameters {
  static let name = "nothing"
}

func processorSeconds() -> Double {
  var usage = rusage()
  // Fills the struct that it is given.
  unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
  return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

func usage() -> Never {
  print("usage: worker-benchmark fill PORT COUNT | work PORT COUNT [CONCURRENCY]")
  exit(2)
}

func fill(_ port: Int, _ count: Int) async throws {
  let client = try Client(Endpoint("127.0.0.1:\(port)"))
  let start = ContinuousClock.now
  try await withThrowingTaskGroup(of: Void.self) { group in
    for part in 0..<4 {
      group.addTask {
        _ = try await client.enqueue(batch: Array(repeating: Nothing(), count: count / 4 + (part == 0 ? count % 4 : 0)))
      }
    }
    try await group.waitForAll()
  }
  print("enqueued", count, "in", ContinuousClock.now - start)
  await client.close()
}

func work(_ port: Int, _ count: Int, concurrency: Int) async throws {
  let (finished, finish) = AsyncStream<Void>.makeStream()
  final class Start: Sendable {
    let state = Mutex<(time: ContinuousClock.Instant, cpu: Double)?>(nil)
  }
  let start = Start()
  var configuration = WorkerConfiguration(queues: ["default"], concurrency: concurrency)
  configuration.logger = Logger(label: "benchmark", factory: { _ in SwiftLogNoOpLogHandler() })
  let worker = Worker(Endpoint("127.0.0.1:\(port)"), configuration: configuration)
  final class Count: Sendable { let value = Atomic<Int>(0) }
  let counter = Count()
  worker.register("nothing") { (_: JobContext) async throws -> Void in
    let before = counter.value.add(1, ordering: .relaxed).oldValue
    if before == 0 { start.state.withLock { $0 = (.now, processorSeconds()) } }
    if before == count - 1 { finish.finish() }
  }
  let run = Task { try await worker.run() }
  for await _ in finished {}
  guard let began = start.state.withLock({ $0 }) else { return }
  let elapsed = ContinuousClock.now - began.time
  let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
  let cpu = processorSeconds() - began.cpu
  print(
    "ran \(count) jobs in \(elapsed): \(Int(Double(count) / seconds)) jobs/s,",
    "\(cpu / Double(count) * 1e6) us of the worker's CPU per job")
  run.cancel()
  try await run.value
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let port = Int(arguments[2]) else { usage() }
let third = arguments.count > 3 ? arguments[3] : ""
switch arguments[1] {
case "fill": try await fill(port, Int(third) ?? 100_000)
case "work":
  try await work(port, Int(third) ?? 100_000, concurrency: arguments.count > 4 ? Int(arguments[4]) ?? 500 : 500)
default: usage()
}
