import Jobs
import MemoryStore
import SQLiteStore
import Services

/// The one place that knows which store a `--store` means.
enum StoreFactory {
  /// Opens the store. - Throws: what is said to the user who started the server.
  static func open(_ location: StoreLocation, terms: StoreConfiguration) throws(StoreError) -> any JobStore {
    switch location {
    case .embedded(let path):
      try SQLiteStore.open(path: path, configuration: terms, now: EngineHost.wallClock())
    case .memory:
      MemoryStore(configuration: terms, salt: UInt32.random(in: 0...0xFFF_FFFF))
    }
  }
}
