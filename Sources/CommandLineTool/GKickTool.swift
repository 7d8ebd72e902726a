import ArgumentParser

/// The executable. Each subcommand has a folder of its own.
@main
struct GKickTool: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gkick",
    abstract: "Background jobs over gRPC.",
    discussion: """
      Exit codes: 0 done; 1 failed; 2 wait: the job did not succeed; 3 not found; 4 refused; 64 wrong command line; \
      69 no server; 124 out of time.
      """,
    version: Version.text,
    subcommands: [ServerCommand.self, WorkCommand.self, BenchCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Jobs",
        subcommands: [
          EnqueueCommand.self, ScheduleCommand.self, JobsCommand.self, JobCommand.self, WaitCommand.self,
          CancelCommand.self, RetryCommand.self, DeleteCommand.self,
        ]),
      CommandGroup(
        name: "Watching",
        subcommands: [EventsCommand.self, TopCommand.self, InfoCommand.self]),
      CommandGroup(
        name: "Queues and workers",
        subcommands: [
          QueuesCommand.self, PauseCommand.self, ResumeCommand.self, PurgeCommand.self, WorkersCommand.self,
          DrainCommand.self,
        ]),
    ])
}
