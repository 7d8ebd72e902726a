import HTTP2

/// What a client's connections put up with, and what they say of themselves.
package struct ClientRPCConfiguration: Sendable {
  package var http2 = HTTP2Configuration(role: .client)
  package var scheme = "http"
  package var authority = "localhost"
  package var userAgent = "gkick-swift"
  /// Bytes of one received message, also after inflating.
  package var maxReceiveMessage = 4 * 1024 * 1024
  /// Bytes sent by a call that are kept until the server answers.
  package var retryBufferSize = 256 * 1024

  package init() {}
}
