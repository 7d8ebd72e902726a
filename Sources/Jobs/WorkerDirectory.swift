/// Where the servers of a shared store tell each other of their workers. Called on the engine's thread, like the store.
public protocol WorkerDirectory: AnyObject {
  /// What the others see of this server from now on, until it is told anew or the server has not been there for three seconds.
  /// - Parameter arrived: workers that have just come, and when: their streams at other servers are over.
  func publish(_ workers: [WorkerView], arrived: [(workerID: String, at: Timestamp)]) throws(StoreError)

  /// The workers of all other servers that are there.
  func workersElsewhere() throws(StoreError) -> [WorkerView]

  /// Asks whichever other server has the worker to drain it.
  func drainElsewhere(_ workerID: String) throws(StoreError)
}

extension JobStore {
  public var directory: (any WorkerDirectory)? { nil }
}
