import NIOCore
import RPC
import RPCTransport
import Telemetry

/// The way to the collector, over gKick's own client.
struct CollectorChannel: SpanCarrier {
  private let channel: ClientChannel
  /// Of every request.
  private let metadata: Metadata

  init(
    _ collector: TelemetrySettings.Collector, authorities: String?, headers: [(name: String, value: String)],
    group: any EventLoopGroup
  ) throws {
    var metadata = Metadata()
    for header in headers { metadata.add(header.name, header.value) }
    self.metadata = metadata
    var configuration = ClientConfiguration()
    configuration.userAgent = "gkick-otlp/" + Version.text
    configuration.backoff.initial = .milliseconds(250)
    configuration.backoff.maximum = .seconds(10)
    configuration.backoff.connectTimeout = .seconds(5)
    if collector.isTLS {
      configuration.tls = ClientTLS(roots: authorities.map { .file($0) } ?? .system)
    }
    channel = try ClientChannel(
      target: .hostPort(collector.host, collector.port), configuration: configuration, group: group)
  }

  func send(_ request: [UInt8], timeout: Duration) async throws(Status) -> [UInt8] {
    let answer = await channel.unaryResponse(
      Telemetry.path, ByteBuffer(bytes: request), metadata: metadata,
      options: CallOptions(timeout: TimeAmount(max(timeout, .milliseconds(1)))))
    guard let message = answer.message else { throw answer.status }
    return Array(message.readableBytesView)
  }

  func close() async { await channel.close() }
}
