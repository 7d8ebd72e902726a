/// What the monitor answers to one request.
struct MonitorPage: Sendable {
  /// HTTP status.
  var status: Int
  var contentType: String
  var body: String

  static func text(_ status: Int, _ body: String) -> MonitorPage {
    MonitorPage(status: status, contentType: "text/plain; charset=utf-8", body: body + "\n")
  }
}
