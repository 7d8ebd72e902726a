import ArgumentParser
import GKick
import Jobs

/// `gkick enqueue`.
struct EnqueueCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue", abstract: "Store a job that runs as soon as a worker is free.",
    discussion: """
      Prints the job's id. Examples:
        gkick enqueue email.send '{"to": "ada@example.org"}' --content-type application/json
        gkick enqueue report.make <figures.csv
        find . -name '*.jpg' | gkick enqueue image.resize --lines --queue images
      """)

  @OptionGroup var job: JobFlags
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await Enqueuer(job: job, when: .now).run(remote, output)
  }
}

/// `gkick schedule`.
struct ScheduleCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Store a job that runs at a time, or after a delay.",
    discussion: """
      Example: gkick schedule --in 10m reminder.send 42
      """)

  @Option(
    name: .customLong("in"), help: ArgumentHelp("After this long, for example 10m.", valueName: "time"),
    transform: IntervalText.read)
  var delay: Interval?

  @Option(help: ArgumentHelp("At this time, for example 2030-01-31T12:00:00Z.", valueName: "time"))
  var at: String?

  @OptionGroup var job: JobFlags
  @OptionGroup var client: ClientFlags

  func validate() throws { _ = try time() }

  func run(_ remote: Remote, _ output: Output) async throws {
    try await Enqueuer(job: job, when: try time()).run(remote, output)
  }

  private func time() throws -> JobRequest.When {
    switch (delay, at) {
    case (let delay?, nil): return .after(delay.duration)
    case (nil, let at?):
      guard let time = TimestampText.parse(at) else {
        throw ValidationError("--at: '\(at)' is not \(TimestampText.form)")
      }
      return .at(.init(time))
    default:
      throw ValidationError("say when: either --in or --at")
    }
  }
}
