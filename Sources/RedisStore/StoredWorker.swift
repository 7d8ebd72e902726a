import Jobs

/// A worker as its server tells the others of it.
enum StoredWorker {
  static func put(_ worker: WorkerView, into bytes: inout [UInt8]) {
    bytes.put16(worker.workerID)
    bytes.put16(worker.serverID)
    put(worker.queues, into: &bytes)
    put(worker.names, into: &bytes)
    bytes.put(worker.maxInFlight)
    bytes.put(worker.running)
    bytes.put(worker.lostTotal)
    bytes.put(worker.succeededTotal)
    bytes.put(worker.failedTotal)
    bytes.put(UInt8(worker.draining ? 1 : 0))
    bytes.put(worker.connectedAt)
    bytes.put(worker.lastSeenAt)
    bytes.put16(worker.address)
    put(worker.labels.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }, into: &bytes)
  }

  private static func put(_ texts: [String], into bytes: inout [UInt8]) {
    bytes.put(UInt32(clamping: texts.count))
    for text in texts { bytes.put16(text) }
  }

  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> WorkerView {
    var worker = WorkerView(
      workerID: try reader.text16(), serverID: try reader.text16(), queues: try texts(&reader),
      names: try texts(&reader), maxInFlight: try reader.uint32(), running: try reader.uint32(),
      lostTotal: try reader.uint64(), succeededTotal: try reader.uint64(), failedTotal: try reader.uint64(),
      draining: try reader.uint8() != 0, connectedAt: try reader.timestamp(), lastSeenAt: try reader.timestamp(),
      address: try reader.text16())
    let labels = try texts(&reader)
    for index in stride(from: 1, to: labels.count, by: 2) { worker.labels[labels[index - 1]] = labels[index] }
    return worker
  }

  private static func texts(_ reader: inout PackedReader) throws(RedisFailure) -> [String] {
    var texts: [String] = []
    for _ in 0..<(try reader.uint32()) { texts.append(try reader.text16()) }
    return texts
  }
}
