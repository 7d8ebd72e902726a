import CProtobufC

/// The messages of the contract, as protobuf-c keeps them: see `Views`, which is generated. Only there are the fields of the C structs read and written.
enum Proto {}

/// A protobuf message in a codec's arena: one that was decoded, or one that is being made.
///
/// It is good until the codec's next message, so it never leaves the function that asked for it.
protocol ProtoView {
  /// As its generated `..._init` function makes it.
  init(in arena: Arena)
  /// - Parameter raw: of a whole message of this kind.
  init(raw: UnsafeMutableRawPointer)
  var raw: UnsafeMutableRawPointer { get }
}

protocol DecodedView: ProtoView {
  /// nil: they are no such message, or it takes more memory than the arena may give.
  init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena)
}

/// A text of a message: see `Codec.utf8`.
@safe struct TextView {
  let pointer: UnsafeMutablePointer<CChar>?

  init(_ pointer: UnsafeMutablePointer<CChar>?) { unsafe self.pointer = pointer }
}

/// The bytes of a message's field. Length and address come from one allocation in the arena; no address: there are none.
@safe struct BytesView {
  let data: ProtobufCBinaryData

  init(_ data: ProtobufCBinaryData) { unsafe self.data = data }

  var count: Int { unsafe data.data == nil ? 0 : data.len }
  var bytes: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: data.data, count: count) }
}

/// The messages of a repeated field.
@safe struct MessageList<View: ProtoView>: RandomAccessCollection {
  /// Pointers to `count` messages.
  let start: UnsafeMutableRawPointer?
  let count: Int

  init(_ start: UnsafeMutableRawPointer?, _ count: Int) {
    unsafe self.start = start
    self.count = unsafe start == nil ? 0 : count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> View {
    precondition(index >= 0 && index < count)
    let place = unsafe start?.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    guard let message = unsafe place?[index] else { preconditionFailure("a message is missing") }
    return unsafe View(raw: message)
  }
}

/// The texts of a repeated field.
@safe struct TextList: RandomAccessCollection {
  let start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
  let count: Int

  init(_ start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) {
    unsafe self.start = start
    self.count = unsafe start == nil ? 0 : count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> TextView {
    precondition(index >= 0 && index < count)
    return unsafe TextView(start?[index])
  }
}

/// The numbers or enums of a repeated field.
@safe struct ValueList<Value>: RandomAccessCollection {
  let start: UnsafeMutablePointer<Value>?
  let count: Int

  init(_ start: UnsafeMutablePointer<Value>?, _ count: Int) {
    unsafe self.start = start
    self.count = unsafe start == nil ? 0 : count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> Value {
    precondition(index >= 0 && index < count)
    guard let start = unsafe start else { preconditionFailure("a value is missing") }
    return unsafe start[index]
  }
}
