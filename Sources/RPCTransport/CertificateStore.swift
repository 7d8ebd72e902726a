import Glibc
import NIOSSL
import Synchronization

/// The TLS context that new connections get. Old connections keep theirs.
final class CertificateStore: Sendable {
  private struct State {
    var context: NIOSSLContext
    var stamps: [FileStamp]
  }

  /// What tells one version of a file from another.
  private struct FileStamp: Equatable {
    var seconds: Int
    var nanoseconds: Int
    var inode: UInt64
    var size: Int
  }

  private let tls: ServerTLS
  private let state: Mutex<State>

  init(_ tls: ServerTLS) throws {
    self.tls = tls
    state = Mutex(State(context: try tls.makeContext(), stamps: Self.stamps(tls)))
  }

  var context: NIOSSLContext { state.withLock { $0.context } }

  /// Reads the files again. When they are bad, the old context stays.
  func reload() throws {
    let stamps = Self.stamps(tls)
    let context = try tls.makeContext()
    state.withLock { $0 = State(context: context, stamps: stamps) }
  }

  /// Reads them again if they have changed since they were read. True when it did.
  func reloadIfChanged() throws -> Bool {
    let stamps = Self.stamps(tls)
    if state.withLock({ $0.stamps == stamps }) { return false }
    try reload()
    return true
  }

  private static func stamps(_ tls: ServerTLS) -> [FileStamp] {
    [tls.certificateChain, tls.privateKey, tls.clientRoots].compactMap { path in
      guard let path else { return nil }
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
