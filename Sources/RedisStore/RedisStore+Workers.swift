import Jobs

/// Each server keeps all its workers in one value, which counts as long as the server itself is there.
extension RedisStore: WorkerDirectory {
  public var directory: (any WorkerDirectory)? { self }

  public func publish(
    _ workers: [WorkerView], arrived: [(workerID: String, at: Timestamp)]
  ) throws(StoreError) {
    _ = try run(.publish) { command in
      command.add(name)
      command.add { bytes in for worker in workers { StoredWorker.put(worker, into: &bytes) } }
      for (id, at) in arrived {
        command.add { bytes in
          bytes.append(contentsOf: name.utf8)
          bytes.append(0)
          bytes.put(UInt8(ascii: "a"))
          bytes.put(at)
          bytes.append(contentsOf: id.utf8)
        }
      }
    }
  }

  public func workersElsewhere() throws(StoreError) -> [WorkerView] {
    var reply = try run(.workers) { $0.add(name) }
    return try read { () throws(RedisFailure) in
      var workers: [WorkerView] = []
      for _ in 0..<(try reply.array()) {
        var packed = try reply.packed()
        while !packed.isEmpty { workers.append(try StoredWorker.read(&packed)) }
      }
      return workers
    }
  }

  public func drainElsewhere(_ workerID: String) throws(StoreError) {
    let session = try connected()
    try read { () throws(RedisFailure) in
      _ = try session.connection.ask(
        RedisCommand("PUBLISH", options.prefix + "workers", name + "\0d" + workerID), until: .now + options.replyTimeout
      )
    }
  }
}
