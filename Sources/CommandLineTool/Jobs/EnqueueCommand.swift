import ArgumentParser
import Jobs
import Wire

/// `gkick enqueue`.
struct EnqueueCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "enqueue", abstract: "Store a job that runs as soon as a worker is free.",
    discussion: """
      Prints the job's id. Examples:
        gkick enqueue email.send '{"to": "ada@example.org"}' --content-type application/json
        find . -name '*.jpg' | gkick enqueue image.resize --lines --queue images
      """)

  @OptionGroup var job: JobFlags
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await Enqueuer(job: job, time: nil).run(remote, output)
  }
}

/// `gkick schedule`.
struct ScheduleCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Store a job that runs at a time, or after a delay.",
    discussion: """
      Example: gkick schedule --in 10m reminder.send 42
      """)

  @Option(name: .customLong("in"), help: ArgumentHelp("After this long, for example 10m.", valueName: "time"))
  var delay: String?

  @Option(help: ArgumentHelp("At this time, for example 2030-01-31T12:00:00Z.", valueName: "time"))
  var at: String?

  @OptionGroup var job: JobFlags
  @OptionGroup var client: ClientFlags

  func validate() throws { _ = try time() }

  func run(_ remote: Remote, _ output: Output) async throws {
    try await Enqueuer(job: job, time: try time()).run(remote, output)
  }

  private func time() throws -> JobTime {
    switch (delay, at) {
    case (let delay?, nil):
      guard let interval = IntervalText.parse(delay) else {
        throw ValidationError("--in: '\(delay)' is not \(IntervalText.form)")
      }
      return .after(interval)
    case (nil, let at?):
      guard let time = TimestampText.parse(at) else {
        throw ValidationError("--at: '\(at)' is not \(TimestampText.form)")
      }
      return .at(time)
    default:
      throw ValidationError("say when: either --in or --at")
    }
  }
}
