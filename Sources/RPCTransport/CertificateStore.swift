import Glibc
import NIOSSL
import Synchronization

/// The TLS contexts that new connections get, made of PEM files. Old connections keep theirs.
final class CertificateStore: Sendable {
  struct Contexts {
    /// For gRPC.
    var rpc: NIOSSLContext
    /// For HTTP/1.1 and HTTP/2; a client has none.
    var web: NIOSSLContext?
  }

  private struct State {
    var contexts: Contexts
    var stamps: [FileStamp]
    /// Of files that could not be used: they are read, and told of, once.
    var refused: [FileStamp]?
  }

  /// What tells one version of a file from another.
  private struct FileStamp: Equatable {
    var seconds: Int
    var nanoseconds: Int
    var inode: UInt64
    var size: Int
  }

  private let files: [String]
  private let make: @Sendable () throws -> Contexts
  private let state: Mutex<State>

  private init(_ files: [String?], _ make: @escaping @Sendable () throws -> Contexts) throws {
    self.files = files.compactMap(\.self)
    self.make = make
    let stamps = Self.stamps(self.files)
    state = Mutex(State(contexts: try make(), stamps: stamps))
  }

  convenience init(_ tls: ServerTLS) throws {
    try self.init([tls.certificateChain, tls.privateKey, tls.clientRoots]) {
      Contexts(rpc: try tls.makeContext(), web: try tls.makeContext(forWeb: true))
    }
  }

  convenience init(_ tls: ClientTLS) throws {
    try self.init([tls.rootsFile, tls.identity?.certificateChainFile, tls.identity?.privateKeyFile]) {
      Contexts(rpc: try tls.makeContext())
    }
  }

  var context: NIOSSLContext { state.withLock { $0.contexts.rpc } }
  var webContext: NIOSSLContext { state.withLock { $0.contexts.web ?? $0.contexts.rpc } }

  /// Reads the files again. When they are bad, the old contexts stay.
  func reload() throws {
    let stamps = Self.stamps(files)
    do {
      let contexts = try make()
      state.withLock { $0 = State(contexts: contexts, stamps: stamps) }
    } catch {
      state.withLock { $0.refused = stamps }
      throw error
    }
  }

  /// Reads them again if they have changed since they were read, for good or in vain. True when it did.
  func reloadIfChanged() throws -> Bool {
    let stamps = Self.stamps(files)
    if state.withLock({ $0.stamps == stamps || $0.refused == stamps }) { return false }
    try reload()
    return true
  }

  private static func stamps(_ files: [String]) -> [FileStamp] {
    files.map { path in
      var information = stat()
      // `stat` fills in the structure or fails; either way it outlives the call.
      guard unsafe stat(path, &information) == 0 else {
        return FileStamp(seconds: 0, nanoseconds: 0, inode: 0, size: 0)
      }
      return FileStamp(
        seconds: information.st_mtim.tv_sec, nanoseconds: information.st_mtim.tv_nsec,
        inode: UInt64(information.st_ino),
        size: Int(information.st_size))
    }
  }
}
