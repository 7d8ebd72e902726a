import CHiredis

/// hiredis's reader of the Redis protocol, with limits on size, number and (hiredis's own, 7) depth of values.
///
/// hiredis calls back for every value, in order; the callbacks only append to `reply`. Safe: its pointers are made in init,
/// freed in deinit, and never leave it.
@safe final class ReplyParser {
  private let reader: UnsafeMutablePointer<redisReader>
  private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
  fileprivate var reply = RedisReply()
  fileprivate var isTooLarge = false
  fileprivate let maxBytes: Int
  fileprivate let maxValues: Int
  private var isBroken = false

  /// Nil: no memory.
  init?(maxBytes: Int, maxValues: Int) {
    self.maxBytes = maxBytes
    self.maxValues = maxValues
    let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
    unsafe functions.initialize(
      to: redisReplyObjectFunctions(
        createString: stringCame, createArray: arrayCame, createInteger: integerCame, createNil: nullCame,
        freeObject: { _ in }))
    guard let reader = unsafe redisReaderCreateWithFunctions(functions) else {
      unsafe functions.deallocate()
      return nil
    }
    unsafe self.functions = functions
    unsafe self.reader = reader
    // The reader lives no longer than self (see deinit), so the pointer does not dangle.
    unsafe reader.pointee.privdata = Unmanaged.passUnretained(self).toOpaque()
    unsafe reader.pointee.maxbuf = 1 << 20
  }

  deinit {
    // Both were made in init and are nobody else's.
    unsafe redisReaderFree(reader)
    unsafe functions.deallocate()
  }

  /// - Parameter count: how many bytes at the beginning of `buffer` are new.
  func feed(_ buffer: [UInt8], count: Int) throws(RedisFailure) {
    // hiredis copies the bytes before it returns.
    let result = unsafe buffer.withUnsafeBytes { bytes in
      unsafe redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), min(count, bytes.count))
    }
    // A value that is not whole yet waits in the reader's own buffer.
    let waiting = unsafe Int(reader.pointee.len) - Int(reader.pointee.pos)
    if result != REDIS_OK || reply.bytes.count + waiting > maxBytes {
      isBroken = true
      throw .protocolError("a reply is larger than \(maxBytes) bytes")
    }
  }

  /// The next whole reply; nil: more bytes are needed.
  func next() throws(RedisFailure) -> RedisReply? {
    if isBroken { throw .protocolError("the connection is out of step") }
    var object: UnsafeMutableRawPointer?
    // The object is the marker that the callbacks returned; it is never looked into.
    guard unsafe redisReaderGetReply(reader, &object) == REDIS_OK else {
      isBroken = true
      if isTooLarge { throw .protocolError("a reply has more than \(maxValues) values or \(maxBytes) bytes") }
      // A C array of 128 characters that hiredis ends with NUL.
      let text = unsafe withUnsafeBytes(of: reader.pointee.errstr) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw .protocolError(text)
    }
    if unsafe object == nil { return nil }
    defer { reply = RedisReply() }
    return reply
  }
}

/// What callbacks return for a value: hiredis only wants to see that it is not NULL.
private nonisolated(unsafe) let marker = unsafe UnsafeMutableRawPointer(bitPattern: 1)  // never read or written through

/// The parser that a callback is for, if it can take one more value.
private func parser(_ task: UnsafePointer<redisReadTask>?) -> ReplyParser? {
  guard let pointer = unsafe task?.pointee.privdata else { return nil }
  // Set in init to the parser that owns the reader, which is in the middle of its own call.
  let parser = unsafe Unmanaged<ReplyParser>.fromOpaque(pointer).takeUnretainedValue()
  if parser.reply.values.count >= parser.maxValues {
    parser.isTooLarge = true
    return nil
  }
  return parser
}

private func stringCame(
  _ task: UnsafePointer<redisReadTask>?, _ text: UnsafeMutablePointer<CChar>?, _ length: Int
) -> UnsafeMutableRawPointer? {
  guard let parser = unsafe parser(task) else { return nil }
  if parser.reply.bytes.count + length > parser.maxBytes {
    parser.isTooLarge = true
    return nil
  }
  // hiredis guarantees `length` bytes at `text`.
  let range = unsafe parser.reply.append(contentsOf: UnsafeRawBufferPointer(start: text, count: length))
  switch unsafe task?.pointee.type {
  case REDIS_REPLY_ERROR: parser.reply.append(.error(range))
  case REDIS_REPLY_STATUS: parser.reply.append(.status(range))
  default: parser.reply.append(.string(range))
  }
  return unsafe marker
}

private func arrayCame(_ task: UnsafePointer<redisReadTask>?, _ count: Int32) -> UnsafeMutableRawPointer? {
  guard let parser = unsafe parser(task) else { return nil }
  if Int(count) > parser.maxValues {
    parser.isTooLarge = true
    return nil
  }
  parser.reply.append(.array(Int(count)))
  return unsafe marker
}

private func integerCame(_ task: UnsafePointer<redisReadTask>?, _ value: Int64) -> UnsafeMutableRawPointer? {
  guard let parser = unsafe parser(task) else { return nil }
  parser.reply.append(.integer(value))
  return unsafe marker
}

private func nullCame(_ task: UnsafePointer<redisReadTask>?) -> UnsafeMutableRawPointer? {
  guard let parser = unsafe parser(task) else { return nil }
  parser.reply.append(.null)
  return unsafe marker
}
