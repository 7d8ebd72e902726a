/// What an event repeats of its job: the beginning of the record. See Scripts/job.lua.
struct StoredHead {
  var id: String
  var queue: String
  var name: String
  var batchID: String

  init(_ reader: inout PackedReader) throws(RedisFailure) {
    id = try reader.text(Int(try reader.uint8()))
    var core = try reader.part(try reader.uint16())
    queue = try core.text(Int(try core.uint8()))
    name = try core.text16()
    batchID = try core.text16()
  }

  /// The core: length, queue, name, batch.
  static func putCore(queue: String, name: String, batchID: String, into bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.put(UInt16(0))
    let queue = queue.utf8.prefix(255)
    bytes.put(UInt8(queue.count))
    bytes.append(contentsOf: queue)
    bytes.put16(name)
    bytes.put16(batchID)
    let length = UInt16(clamping: bytes.count - start - 2)
    bytes[start] = UInt8(length >> 8)
    bytes[start + 1] = UInt8(truncatingIfNeeded: length)
  }
}
