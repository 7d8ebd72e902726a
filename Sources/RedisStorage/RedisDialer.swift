/// Makes connections that are ready to be used: finds the master, connects, authenticates, selects the database.
struct RedisDialer: Sendable {
  let url: RedisURL
  let options: RedisOptions

  func dial() throws(RedisFailure) -> RedisSession {
    let deadline = ContinuousClock.now + options.connectTimeout
    switch url.place {
    case .tcp(let endpoint): return try session(.tcp(endpoint), until: deadline)
    case .unix(let path): return try session(.unix(path: path), until: deadline)
    case .sentinel(let sentinels, let name):
      var problems: [String] = []
      for sentinel in sentinels {
        do throws(RedisFailure) {
          // Each is given its own time, so that one that hangs does not hide the others.
          let master = try master(of: name, from: sentinel, until: .now + options.connectTimeout)
          let session = try session(.tcp(master), until: .now + options.connectTimeout)
          var role = try session.connection.ask(RedisCommand("ROLE"), until: .now + options.connectTimeout)
          _ = try role.array()
          if try role.string() == "master" { return session }
          problems.append("\(sentinel): \(master) is no longer the master")
        } catch {
          problems.append("\(sentinel): \(Self.text(error))")
        }
      }
      throw .connection("no Sentinel knows a master of \(name) that answers (\(problems.joined(separator: "; ")))")
    }
  }

  private func master(
    of name: String, from sentinel: RedisEndpoint, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) -> RedisEndpoint {
    let connection = try connect(.tcp(sentinel), until: deadline)
    try authenticate(connection, options.sentinelUser, options.sentinelPassword, until: deadline)
    var reply = try connection.ask(RedisCommand("SENTINEL", "get-master-addr-by-name", name), until: deadline)
    guard case .array(2) = try reply.next() else { throw .refused("it does not know \(name)") }
    let host = try reply.string()
    guard let port = UInt16(try reply.string()) else { throw .protocolError("not a port") }
    return RedisEndpoint(host: host, port: port)
  }

  private func session(
    _ target: RedisTarget, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) -> RedisSession {
    let connection = try connect(target, until: deadline)
    try authenticate(connection, url.user, url.password, until: deadline)
    if url.database != 0 {
      _ = try connection.ask(RedisCommand("SELECT", String(url.database)), until: deadline)
    }
    return RedisSession(
      connection, hasScriptFlags: try version(connection, until: deadline) >= 7, replyTimeout: options.replyTimeout)
  }

  private func connect(
    _ target: RedisTarget, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) -> RedisConnection {
    do {
      let transport: any RedisTransport
      if let make = options.makeTransport {
        transport = try make(target, url.isTLS, deadline)
      } else if url.isTLS {
        throw RedisTransportError.failed("TLS is asked for, and no transport that speaks it was given")
      } else {
        transport = try SocketTransport(target, until: deadline)
      }
      return try RedisConnection(transport, maxBytes: options.maxReplyBytes, maxValues: options.maxReplyValues)
    } catch let error as RedisTransportError {
      switch error {
      case .timeout: throw RedisFailure.connection("\(Self.name(target)): no connection in time")
      case .failed(let text): throw RedisFailure.connection("\(Self.name(target)): \(text)")
      }
    } catch let error as RedisFailure {
      throw error
    } catch {
      throw RedisFailure.connection("\(error)")
    }
  }

  private func authenticate(
    _ connection: RedisConnection, _ user: String, _ password: String, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) {
    guard !password.isEmpty else { return }
    var command = RedisCommand("AUTH")
    if !user.isEmpty { command.add(user) }
    command.add(password)
    _ = try connection.ask(command, until: deadline)
  }

  /// Redis's major version; 6 when it will not say.
  private func version(
    _ connection: RedisConnection, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) -> Int {
    do throws(RedisFailure) {
      var reply = try connection.ask(RedisCommand("INFO", "server"), until: deadline)
      let fields = RedisInfo(try reply.string())
      return fields["redis_version"].flatMap { Int($0.prefix { $0 != "." }) } ?? 6
    } catch {
      if case .refused(let text) = error, !text.hasPrefix("NOAUTH"), !text.hasPrefix("LOADING") { return 6 }
      throw error
    }
  }

  static func text(_ failure: RedisFailure) -> String {
    switch failure {
    case .connection(let text), .protocolError(let text), .refused(let text): text
    }
  }

  private static func name(_ target: RedisTarget) -> String {
    switch target {
    case .tcp(let endpoint): endpoint.description
    case .unix(let path): path
    }
  }
}

/// The text of INFO: lines of `name:value`.
struct RedisInfo {
  private var fields: [Substring: Substring] = [:]

  init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[line.index(after: colon)...]
    }
  }

  subscript(name: Substring) -> Substring? { fields[name] }
}
