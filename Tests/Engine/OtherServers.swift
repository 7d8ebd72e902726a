import Jobs

/// The other servers of a shared store, played by a test.
final class OtherServers: WorkerDirectory {
  /// Their workers.
  var workers: [WorkerView] = []
  var isFailing = false
  /// What they were told, in order.
  private(set) var published: [[WorkerView]] = []
  private(set) var arrived: [String] = []
  private(set) var drained: [String] = []

  private func pass() throws(StoreError) {
    if isFailing { throw StoreError(.unavailable, "told to fail") }
  }

  func publish(_ workers: [WorkerView], arrived: [(workerID: String, at: Timestamp)]) throws(StoreError) {
    try pass()
    published.append(workers)
    self.arrived += arrived.map(\.workerID)
  }

  func workersElsewhere() throws(StoreError) -> [WorkerView] {
    try pass()
    return workers
  }

  func drainElsewhere(_ workerID: String) throws(StoreError) {
    try pass()
    drained.append(workerID)
  }
}
