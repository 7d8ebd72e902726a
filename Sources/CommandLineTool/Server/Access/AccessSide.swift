import Access
import Gateway
import Logging
import NIOCore
import RPC
import Services
import Synchronization
import WebTokens

/// The file of `--auth` while the server runs, and the files of keys that it names: read at the start, when one of them changes and on SIGHUP.
final class AccessSide: Sendable {
  let control: AccessControl
  private let path: String
  private let logger: Logger
  private let tasks = Mutex<[Task<Void, Never>]>([])
  private let asked: AsyncStream<Reason>
  private let ask: AsyncStream<Reason>.Continuation
  private let first: Reading

  private enum Reason {
    /// A second has gone by.
    case look
    /// SIGHUP.
    case read
  }

  /// What the files say, and what they looked like just before they were read.
  struct Reading: Sendable {
    var list: AccessList
    fileprivate var stamps: [FileStamp?]
    fileprivate var paths: [String]
  }

  /// - Throws: `StartFailure` with the line and the reason, when the file is no such file.
  static func read(_ path: String) async throws -> Reading {
    let stamp = FileStamp(path)
    guard let bytes = ZoneFolder.read(path, atMost: AccessFile.maxBytes) else {
      throw StartFailure("--auth \(path): cannot be read, or is over 4 MiB")
    }
    var file: AccessFile
    do throws(AccessFile.Failure) {
      file = try AccessFile(String(decoding: bytes, as: UTF8.self))
    } catch {
      throw StartFailure("--auth \(path): \(error)")
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    for index in file.issuers.indices where !file.issuers[index].keys.hasPrefix("/") {
      file.issuers[index].keys = folder + file.issuers[index].keys
    }
    let keys = file.issuers.map(\.keys)
    let stamps = [stamp] + keys.map { FileStamp($0) }
    var tokens: WebTokens?
    if !file.issuers.isEmpty {
      do throws(WebTokens.Failure) {
        tokens = try await WebTokens(file.issuers) { ZoneFolder.read($0, atMost: WebTokens.largestFile) }
      } catch {
        throw StartFailure("--auth \(path): \(error)")
      }
    }
    return Reading(list: AccessList(file, signed: tokens), stamps: stamps, paths: [path] + keys)
  }

  init(
    _ path: String, _ reading: Reading, open: Set<AccessSettings.Part>, servers: Namespace?,
    methods: inout MethodTable, group: any EventLoopGroup, logger: Logger
  ) {
    self.path = path
    self.logger = logger
    first = reading
    (asked, ask) = AsyncStream.makeStream()
    var configuration = AccessControl.Configuration()
    if open.contains(.health) { configuration.open.append("/grpc.health.v1.") }
    if open.contains(.reflection) { configuration.open.append("/grpc.reflection.") }
    configuration.servers = servers
    configuration.audited = { Self.log($0, logger) }
    configuration.refused = { Self.log($0, logger) }
    control = AccessControl(reading.list, over: &methods, group: group, configuration: configuration)
    if reading.list.file.principals.isEmpty, reading.list.file.issuers.isEmpty {
      logger.warning("--auth: nobody is in the file, so that nobody may do anything", metadata: ["file": "\(path)"])
    }
  }

  func start() {
    control.start()
    let clock = Task { [ask] in
      while !Task.isCancelled {
        do { try await Task.sleep(for: .seconds(1)) } catch { return }
        ask.yield(.look)
      }
    }
    let reader = Task { await keepReading() }
    tasks.withLock { $0 = [clock, reader] }
  }

  func stop() {
    ask.finish()
    tasks.withLock { tasks in for task in tasks { task.cancel() } }
    control.stop()
  }

  func reload() { ask.yield(.read) }

  /// One reading after the other, so that the last one counts. A bad one changes nothing.
  private func keepReading() async {
    var (paths, stamps) = (first.paths, first.stamps)
    for await reason in asked {
      let now = paths.map { FileStamp($0) }
      guard reason == .read || now != stamps else { continue }
      stamps = now
      do {
        let reading = try await Self.read(path)
        (paths, stamps) = (reading.paths, reading.stamps)
        control.replace(reading.list)
        logger.notice(
          "who may do what was read again",
          metadata: ["file": "\(path)", "principals": "\(reading.list.file.principals.count)"])
      } catch {
        logger.error("who may do what stays as it was", metadata: ["error": "\(error)"])
      }
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
