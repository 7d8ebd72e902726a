/// A job as bytes: for programs that pass jobs on, or have no type for them.
public struct UntypedJob: Sendable {
  /// Which kind of job it is.
  public var name: String
  /// The server never looks inside.
  public var payload: [UInt8]
  public var contentType: String

  public init(name: String, payload: [UInt8] = [], contentType: String = "application/octet-stream") {
    self.name = name
    self.payload = payload
    self.contentType = contentType
  }

  /// Any `Encodable` as JSON.
  public init<Value: Encodable>(name: String, json value: Value) throws {
    let codec = JSONCodec()
    self.init(name: name, payload: try codec.encode(value), contentType: codec.contentType)
  }
}
