import ArgumentParser
import GKick
import Jobs

/// `gkick top`.
struct TopCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch queues, rates and workers live.",
    discussion: """
      q or Ctrl-C ends it. Without a terminal it prints one picture below the other, with --json one document a line.
      """)

  @Option(help: ArgumentHelp("How often the picture is drawn. (default: 1s)", valueName: "time")) var every: String?
  @Option(help: "End after so many pictures.") var count: UInt64?
  @OptionGroup var client: ClientFlags

  func validate() throws {
    _ = try interval()
    if count == 0 { throw ValidationError("--count: 0 pictures are none") }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    let interval = try interval()
    let screen = TopScreen(isLive: Terminal.isInteractive && !output.json)
    screen.enter()
    defer { screen.leave() }
    var picture = TopPicture()
    var left = count ?? .max
    while left > 0 {
      do {
        picture.update(
          server: try await remote.admin.serverInfo(), queues: try await remote.admin.queues(),
          workers: try await remote.admin.workers(), at: .now)
        screen.draw(
          output.json
            ? picture.json.text : picture.text(style: output.style, rows: screen.rows, columns: screen.columns) + "\n")
      } catch let error as GKickError where error.code == .unavailable && screen.isLive {
        screen.draw("gkick: the server is away (\(Table.onOneLine(error.message))), trying again")
      }
      left -= 1
      if left == 0 { return }
      if try await screen.isLeft(within: .microseconds(interval.microseconds)) { return }
    }
  }

  private func interval() throws -> Interval {
    guard let every else { return .seconds(1) }
    guard let interval = IntervalText.parse(every), interval >= .milliseconds(100) else {
      throw ValidationError("--every: '\(every)' is not \(IntervalText.form), at least 100ms")
    }
    return interval
  }
}
