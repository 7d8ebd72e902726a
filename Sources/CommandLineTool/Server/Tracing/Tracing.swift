import Jobs
import Logging
import NIOCore
import NIOPosix
import Services
import Telemetry

/// Traces of jobs, from the settings to the collector.
struct Tracing: Sendable {
  let telemetry: Telemetry
  /// Looking a job up blocks.
  private let readers: NIOThreadPool

  /// nil: nothing is traced.
  init?(
    _ settings: TelemetrySettings, serverID: String, reader: any JobReader, group: any EventLoopGroup, logger: Logger
  ) throws {
    guard let collector = settings.collector else { return nil }
    let readers = NIOThreadPool(numberOfThreads: 1)
    self.readers = readers
    var configuration = Telemetry.Configuration()
    configuration.ratio = settings.ratio
    configuration.version = Version.text
    configuration.resource = [
      ("service.name", "gkick"), ("service.version", Version.text), ("service.instance.id", serverID),
      ("host.name", ServerRuntime.hostName),
    ]
    let carrier: CollectorChannel
    do {
      carrier = try CollectorChannel(
        collector, authorities: settings.authorities, headers: settings.headers, group: group)
    } catch {
      throw StartFailure("--otlp-ca: \(error)")
    }
    telemetry = Telemetry(
      configuration, carrier: carrier,
      lookUp: { id in try? await readers.runIfActive { try reader.job(id: id) } },
      now: { EngineHost.wallClock() }, tell: { Self.log($0, logger) })
  }

  func start() {
    readers.start()
    telemetry.start()
  }

  func stop() async {
    await telemetry.stop(within: .seconds(5))
    try? await readers.shutdownGracefully()
  }

  private static func log(_ news: Telemetry.News, _ logger: Logger) {
    switch news {
    case .failing(let reason):
      logger.warning(
        "the collector of --otlp does not take spans; they wait while there is room", metadata: ["error": "\(reason)"])
    case .well: logger.notice("the collector of --otlp takes spans again")
    case .refused(let count, let reason):
      logger.warning("the collector of --otlp refused spans", metadata: ["spans": "\(count)", "error": "\(reason)"])
    }
  }
}
