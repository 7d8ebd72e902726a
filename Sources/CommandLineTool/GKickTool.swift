import ArgumentParser
import Glibc

/// The executable. Each subcommand has a folder of its own.
@main
struct GKickTool: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gkick",
    abstract: "Background jobs over gRPC.",
    discussion: """
      Exit codes: 0 done; 1 failed; 2 wait: the job did not succeed; 3 not found; 4 refused; 64 wrong command line; \
      69 no server, or it cannot take it now; 124 out of time.
      """,
    version: Version.text,
    subcommands: [ServerCommand.self, WorkCommand.self, BenchCommand.self, BackupCommand.self, TokenCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Jobs",
        subcommands: [
          EnqueueCommand.self, ScheduleCommand.self, JobsCommand.self, JobCommand.self, WaitCommand.self,
          CancelCommand.self, RetryCommand.self, DeleteCommand.self,
        ]),
      CommandGroup(
        name: "Watching",
        subcommands: [EventsCommand.self, TopCommand.self, InfoCommand.self, ServersCommand.self]),
      CommandGroup(
        name: "Queues and workers",
        subcommands: [
          QueuesCommand.self, PauseCommand.self, ResumeCommand.self, PurgeCommand.self, DeleteQueueCommand.self,
          WorkersCommand.self, DrainCommand.self,
        ]),
      CommandGroup(name: "Flow", subcommands: [LimitsCommand.self, BatchesCommand.self, CronCommand.self]),
    ])

  static func main() async {
    Terminal.holdStandardDescriptors()
    _ = signal(SIGPIPE, SIG_IGN)
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      if let suggestion = Suggestions.command(in: arguments) {
        throw CommandFailure(suggestion, exitCode: ExitCodes.usage)
      }
      var command = try parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(error, arguments)
    }
  }

  /// Says what went wrong, for people or with --json for programs, and ends.
  private static func end(_ error: any Error, _ arguments: [String]) -> Never {
    let (text, code): (String, Int32)
    switch error {
    case let failure as CallFailure: (text, code) = (failure.text, failure.exitCode)
    case let failure as CommandFailure: (text, code) = (failure.text, failure.exitCode)
    default:
      // What was said already, help and version have a code only, or are no failures.
      guard exitCode(for: error) != .success, !(error is ExitCode) else { exit(withError: error) }
      (text, code) = (Suggestions.flag(in: message(for: error), arguments), exitCode(for: error).rawValue)
      guard arguments.contains("--json") else {
        Terminal.note(fullMessage(for: error).replacing(message(for: error), with: text, maxReplacements: 1))
        exit(withError: ExitCode(code))
      }
    }
    if arguments.contains("--json") {
      Terminal.note(JSONValue.object([("error", .string(text)), ("exit_code", .integer(Int64(code)))]).text)
    } else {
      Terminal.note((code == ExitCodes.usage ? "Error: " : "gkick: ") + text)
    }
    exit(withError: ExitCode(code))
  }
}
