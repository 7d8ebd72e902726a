import Access
import Gateway
import Glibc
import Logging
import NIOCore
import RPC
import Services
import Synchronization

/// The file of `--auth` while the server runs: read at the start, when it changes and on SIGHUP.
final class AccessSide: Sendable {
  let control: AccessControl
  private let path: String
  private let logger: Logger
  /// What the file looked like when it was last read.
  private let seen: Mutex<Stamp?>
  private let watch = Mutex<Task<Void, Never>?>(nil)

  /// Enough to see that a file is another, or has other contents.
  private struct Stamp: Equatable {
    var device: UInt64
    var file: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int

    init?(_ path: String) {
      var status = stat()
      // Fills the struct that it is given.
      guard unsafe stat(path, &status) == 0 else { return nil }
      device = UInt64(status.st_dev)
      file = UInt64(status.st_ino)
      size = Int64(status.st_size)
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
    }
  }

  /// - Throws: `StartFailure` with the line and the reason, when the file is no such file.
  init(
    _ path: String, open: Set<AccessSettings.Part>, servers: Namespace?, methods: inout MethodTable,
    group: any EventLoopGroup, logger: Logger
  ) throws {
    self.path = path
    self.logger = logger
    seen = Mutex(Stamp(path))
    let list = AccessList(try Self.read(path))
    var configuration = AccessControl.Configuration()
    if open.contains(.health) { configuration.open.append("/grpc.health.v1.") }
    if open.contains(.reflection) { configuration.open.append("/grpc.reflection.") }
    configuration.servers = servers
    configuration.audited = { Self.log($0, logger) }
    configuration.refused = { Self.log($0, logger) }
    control = AccessControl(list, over: &methods, group: group, configuration: configuration)
    if list.file.principals.isEmpty {
      logger.warning("--auth: nobody is in the file, so that nobody may do anything", metadata: ["file": "\(path)"])
    }
  }

  private static func read(_ path: String) throws -> AccessFile {
    guard let bytes = ZoneFolder.read(path, atMost: AccessFile.mostBytes) else {
      throw StartFailure("--auth \(path): cannot be read, or is over 4 MiB")
    }
    do throws(AccessFile.Failure) {
      return try AccessFile(String(decoding: bytes, as: UTF8.self))
    } catch {
      throw StartFailure("--auth \(path): \(error)")
    }
  }

  func start() {
    control.start()
    watch.withLock { task in
      task = Task { [self] in
        while !Task.isCancelled {
          do { try await Task.sleep(for: .seconds(1)) } catch { return }
          let now = Stamp(path)
          if now != seen.withLock({ $0 }) { reload() }
        }
      }
    }
  }

  func stop() {
    watch.withLock { $0?.cancel() }
    control.stop()
  }

  /// Takes what the file says by now; a bad one changes nothing.
  func reload() {
    seen.withLock { $0 = Stamp(path) }
    do {
      let list = AccessList(try Self.read(path))
      control.replace(list)
      logger.notice(
        "who may do what was read again", metadata: ["file": "\(path)", "principals": "\(list.file.principals.count)"])
    } catch {
      logger.error("who may do what stays as it was", metadata: ["error": "\(error)"])
    }
  }

  // MARK: HTTP

  /// nil: nobody that is known.
  func identity(_ token: String) async -> GatewayIdentity? {
    guard let grant = await control.who(has: token) else { return nil }
    let calls = AccessTable.roles.filter { !grant.roles.isDisjoint(with: $0.value) }.keys.sorted()
    return GatewayIdentity(
      principal: grant.name, roles: grant.roles.roles.map(\.rawValue),
      queues: grant.scope?.patterns.map(\.word) ?? [], calls: calls)
  }

  /// The page names queues: it is for those who may look at all of them. nil: they may.
  func refusesMetrics(_ token: String?) async -> GatewayPage? {
    guard let token, let grant = await control.who(has: token) else { return .text(401, "whose token is it?") }
    let mayLook = grant.scope == nil && !grant.roles.isDisjoint(with: RoleSet([.watcher, .operator, .admin]))
    return mayLook ? nil : .text(403, "needs a watcher, operator or admin of all queues")
  }

  // MARK: The log

  private static func log(_ record: AuditRecord, _ logger: Logger) {
    logger.notice(
      "audit",
      metadata: [
        "principal": "\(record.audit.principal)", "call": "\(record.audit.call)", "from": "\(record.address)",
        "object": "\(record.audit.subject)", "code": "\(record.status)",
      ])
  }

  private static func log(_ refusal: Refusal, _ logger: Logger) {
    var metadata: Logger.Metadata = [
      "code": "\(refusal.code)", "call": "\(refusal.path)", "from": "\(refusal.address)",
      "reason": "\(refusal.reason)",
    ]
    if !refusal.principal.isEmpty { metadata["principal"] = "\(refusal.principal)" }
    if refusal.unsaid > 0 { metadata["more"] = "\(refusal.unsaid)" }
    logger.warning("a call was refused", metadata: metadata)
  }
}
