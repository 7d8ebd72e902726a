import GKickProtos
public import Jobs

/// Limits, as the server sees them.
extension Codec {
  public func decodePutLimitRequest(_ bytes: RawSpan) throws(WireError) -> Limit {
    let message = try open(bytes, as: Proto.PutLimitRequest.self)
    guard let given = message.limit else { throw WireError("limit", "required") }
    return try limit(given)
  }

  private func limit(_ given: Proto.Limit) throws(WireError) -> Limit {
    var limit = Limit(try scope(given), maxRunning: given.maxRunning)
    limit.maxWaiting = given.maxWaiting
    let count = given.rateCount
    guard count <= Limit.maxPerPeriod else { throw WireError("limit.rate_count", "at most 1,000,000") }
    let period = try interval(
      given.ratePeriod, "limit.rate_period", least: Limit.shortestPeriod, most: Limit.longestPeriod)
    switch (count, period) {
    case (0, nil): break
    case (0, _): throw WireError("limit.rate_count", "required with rate_period")
    case (_, nil): throw WireError("limit.rate_period", "required with rate_count")
    case (_, let period?):
      limit.rate = Limit.Rate(count: count, period: period)
    }
    guard limit.maxRunning > 0 || limit.rate != nil || limit.maxWaiting > 0 else {
      throw WireError("limit", "limits nothing: max_running, rate_count and rate_period, or max_waiting")
    }
    return limit
  }

  private func scope(_ given: Proto.Limit) throws(WireError) -> Limit.Scope {
    // The union has what its case says.
    switch given.scopeCase {
    case GKICK__V1__LIMIT__SCOPE_QUEUE: return .queue(try required(given.queue, "limit.queue"))
    case GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY:
      let key = try text(given.concurrencyKey, "limit.concurrency_key", max: Bounds.key)
      guard !key.isEmpty else { throw WireError("limit.concurrency_key", "required") }
      return .key(key)
    case GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY_PREFIX:
      return .keyPrefix(
        try text(given.concurrencyKeyPrefix, "limit.concurrency_key_prefix", max: Bounds.key))
    default: throw WireError("limit.scope", "required: queue, concurrency_key or concurrency_key_prefix")
    }
  }

  public func decodeDeleteLimitRequest(_ bytes: RawSpan) throws(WireError) -> Limit.Scope {
    let message = try open(bytes, as: Proto.DeleteLimitRequest.self)
    guard let given = message.limit else { throw WireError("limit", "required") }
    return try scope(given)
  }

  public func decodeListLimitsRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (limit: Int, after: Limit.Scope?) {
    let message = try open(bytes, as: Proto.ListLimitsRequest.self)
    let token = try text(message.pageToken, "page_token", max: Bounds.key + 2)
    guard !token.isEmpty else { return (Self.pageSize(message.pageSize), nil) }
    guard let scope = Limit.Scope(documentKey: token) else { throw WireError("page_token", "not one of ours") }
    return (Self.pageSize(message.pageSize), scope)
  }

  /// 0: 100; at most 1,000.
  static func pageSize(_ asked: UInt32) -> Int { asked == 0 ? 100 : Int(min(asked, 1_000)) }

  public func encodeListLimitsResponse(_ views: [LimitView], next: Limit.Scope?) -> Int {
    begin()
    let message = Proto.ListLimitsResponse(in: arena)
    message.limits = arena.array(views.count) { limit(views[$0].limit) }
    message.usage = arena.array(views.count) { index in
      let view = views[index].usage
      let usage = Proto.LimitUsage(in: arena)
      usage.running = view.running
      usage.waiting = view.waiting
      usage.heldBack = view.heldBack
      usage.startedInPeriod = view.startedInPeriod
      usage.keys = view.keys
      usage.busiestKey = arena.copy(view.busiestKey)
      return usage
    }
    message.nextPageToken = arena.copy(next?.documentKey ?? "")
    return finish(message)
  }

  private func limit(_ limit: Limit) -> Proto.Limit {
    let message = Proto.Limit(in: arena)
    switch limit.scope {
    case .queue(let name):
      message.scopeCase = GKICK__V1__LIMIT__SCOPE_QUEUE
      message.queue = arena.copy(name)
    case .key(let key):
      message.scopeCase = GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY
      message.concurrencyKey = arena.copy(key)
    case .keyPrefix(let prefix):
      message.scopeCase = GKICK__V1__LIMIT__SCOPE_CONCURRENCY_KEY_PREFIX
      message.concurrencyKeyPrefix = arena.copyChosen(prefix)
    }
    message.maxRunning = limit.maxRunning
    if let rate = limit.rate {
      message.rateCount = rate.count
      message.ratePeriod = duration(rate.period)
    }
    message.maxWaiting = limit.maxWaiting
    return message
  }

  // MARK: As an operator sees them

  public func encodePutLimitRequest(_ given: Limit) -> Int {
    begin()
    let message = Proto.PutLimitRequest(in: arena)
    message.limit = limit(given)
    return finish(message)
  }

  public func encodeDeleteLimitRequest(_ scope: Limit.Scope) -> Int {
    begin()
    let message = Proto.DeleteLimitRequest(in: arena)
    message.limit = limit(Limit(scope))
    return finish(message)
  }

  /// Limits, batches' and recurring jobs' lists ask alike but for what else they say.
  public func encodeListLimitsRequest(pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = Proto.ListLimitsRequest(in: arena)
    message.pageSize = pageSize
    message.pageToken = arena.copy(pageToken)
    return finish(message)
  }

  public func decodeListLimitsResponse(_ bytes: RawSpan) throws(WireError) -> (limits: [LimitView], next: String) {
    let message = try open(bytes, as: Proto.ListLimitsResponse.self)
    var views: [LimitView] = []
    let said = message.usage
    for (index, given) in message.limits.enumerated() {
      var limit = Limit(try scope(given), maxRunning: given.maxRunning)
      limit.maxWaiting = given.maxWaiting
      if let period = try interval(given.ratePeriod, "limits.rate_period") {
        limit.rate = Limit.Rate(count: given.rateCount, period: period)
      }
      var usage = LimitUsage()
      if index < said.count {
        let said = said[index]
        usage.running = said.running
        usage.waiting = said.waiting
        usage.heldBack = said.heldBack
        usage.startedInPeriod = said.startedInPeriod
        usage.keys = said.keys
        usage.busiestKey = try text(said.busiestKey, "usage.busiest_key", max: .max)
      }
      views.append(LimitView(limit: limit, usage: usage))
    }
    return (views, try text(message.nextPageToken, "next_page_token", max: .max))
  }
}
