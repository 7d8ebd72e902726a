import ArgumentParser
import FoundationEssentials
import Jobs
import SQLiteStorage

/// `gkick backup FILE`.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy an embedded store into a file while its server goes on.",
    discussion: """
      The copy is one moment's state. To go back to it, put it as gkick.db into an empty folder and start a server with \
      --store embedded:FOLDER. Example:
        gkick backup --store embedded:/var/lib/gkick jobs-monday.db
      """)

  @Option(
    help: ArgumentHelp("The store: embedded:PATH. (default: embedded:./gkick-data; GKICK_STORE)", valueName: "URL"))
  var store: String?
  @Argument(help: "The file that is made; it must not be there.", completion: .file(), transform: GivenText.read)
  var file: String
  @Flag(help: "Print JSON, for programs.") var json = false

  func validate() throws {
    guard file != "-" else { throw ValidationError("a backup is made as a file: give its name, and copy that") }
    _ = try folder()
  }

  func run() async throws {
    do {
      let size = try StoreBackup.copy(store: try folder(), to: file)
      Output(json: json).print(
        .object([("file", .string(file)), ("bytes", .integer(size))]), "\(file): \(Format.count(Int(size))) bytes")
    } catch let error as StoreError {
      throw CommandFailure(error.message, exitCode: ExitCodes.failed)
    }
  }

  private func folder() throws -> String {
    let environment = SettingSources(environment: ProcessInfo.processInfo.environment)
    let setting = Setting("--store", store, environment: environment)
    guard
      case .embedded(let path) = try setting.value(
        default: .embedded(path: "./gkick-data"), allowed: StoreLocation.form, { StoreLocation($0) })
    else {
      throw ValidationError("--store: only an embedded store is copied so; the others are their databases' to back up")
    }
    return path
  }
}
