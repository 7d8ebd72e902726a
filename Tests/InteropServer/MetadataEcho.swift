import RPC

/// The metadata that the interoperability tests want back.
struct MetadataEcho {
  private static let initial = "x-grpc-test-echo-initial"
  private static let trailing = "x-grpc-test-echo-trailing-bin"

  let initialMetadata: Metadata
  let trailers: Metadata

  init(_ request: Metadata) {
    var initialMetadata = Metadata()
    var trailers = Metadata()
    for entry in request {
      switch (entry.name, entry.value) {
      case (Self.initial, .text(let value)): initialMetadata.add(Self.initial, value)
      case (Self.trailing, .bytes(let value)): trailers.add(Self.trailing, bytes: value)
      default: break
      }
    }
    self.initialMetadata = initialMetadata
    self.trailers = trailers
  }
}
