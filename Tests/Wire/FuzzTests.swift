import Jobs
import Testing
import Wire

/// Damaged messages: decoders must refuse or accept, never trap. What once went wrong belongs into `corpus`.
@Suite struct FuzzTests {
  struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  let codec = Codec(bounds: Bounds(takesDependencies: true))

  /// Bytes that found something, or look as if they could.
  static let corpus: [[UInt8]] = [
    [], [0], [0x0A], [0x0A, 0x00], [0x0A, 0x01], [0x0A, 0x02, 0x0A, 0x00], [0x0B], [0x0C], [0x07],
    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07],
    [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    // The same submessage twice: merged.
    Raw.message(1, .text(3, "a")).bytes + Raw.message(1, .text(3, "b") + .text(1, "i")).bytes,
    // Both members of a oneof.
    (Raw.message(1, .text(3, "a")) + .time(2, 1) + .time(3, 1)).bytes,
    // A string that begins with NUL, and one that is only NUL.
    Raw.message(1, .bytes(3, [0, 0x61])).bytes, Raw.message(1, .bytes(3, [0])).bytes,
    // Packed and unpacked enums.
    (Raw.bytes(2, [1, 2, 3]) + .number(2, 5)).bytes,
    // Wrong wire types.
    Raw.number(1, 5).bytes, Raw.double(1, 5).bytes,
  ]

  private func seeds() -> [[UInt8]] {
    let lease = Lease(jobID: "job-1", token: 12_345)
    return [
      codec.bytes { $0.encodeEnqueueRequest(fullSpec(), .synced) },
      codec.bytes {
        $0.encodeEnqueueBatchRequest([
          JobOrder(job: fullSpec(), time: .at(now)), JobOrder(job: fullSpec(), time: .after(.seconds(5))),
        ])
      },
      codec.bytes {
        $0.encodeWorkRequest(
          hello: WorkerHello(
            workerID: "w", subscriptions: [Subscription(pattern: QueuePattern("a*"), weight: 1)], names: ["n"],
            maxInFlight: 4, resumeWindow: .seconds(1), labels: ["a": "b"], held: [lease]),
          WorkerMessage(
            ackSeq: 5, capacity: 3,
            outcomes: [
              WorkerOutcome(lease: lease, how: .success(result: [1])),
              WorkerOutcome(lease: lease, how: .failure(Failure(type: "t", message: "m"))),
              WorkerOutcome(lease: lease, how: .release(delay: .seconds(1))),
              WorkerOutcome(lease: lease, how: .canceled),
            ], progress: [ProgressReport(lease: lease, progress: Progress(percent: 5, message: "x"))]))
      },
      codec.bytes {
        var request = EventsRequest(after: 5)
        request.queues = ["a"]
        request.jobIDs = ["b", "c"]
        request.kinds = [.dead, .started]
        return $0.encodeStreamEventsRequest(request)
      },
      codec.bytes {
        $0.encodeFetchRequest(
          Fetch(
            workerID: "w", subscriptions: [Subscription(pattern: QueuePattern("q"))], maxJobs: 3, maxWait: .seconds(1)))
      },
    ] + Self.corpus
  }

  private func decodeAsEverything(_ bytes: [UInt8]) {
    let span = bytes.span.bytes
    _ = try? codec.decodeEnqueueRequest(span)
    _ = try? codec.decodeScheduleRequest(span, now: now)
    _ = try? codec.decodeEnqueueBatchRequest(span, now: now)
    _ = try? codec.decodeJobIDRequest(span)
    _ = try? codec.decodeCancelJobRequest(span)
    _ = try? codec.decodeRetryJobRequest(span)
    _ = try? codec.decodeListJobsRequest(span)
    _ = try? codec.decodeStreamEventsRequest(span)
    _ = try? codec.decodeWorkRequest(span)
    _ = try? codec.decodeFetchRequest(span)
    _ = try? codec.decodeReportRequest(span)
    _ = try? codec.decodePurgeQueueRequest(span)
    _ = try? codec.decodeRetryJobsRequest(span)
    _ = try? codec.decodeDrainWorkerRequest(span)
    _ = try? codec.decodeChangeJobsRequest(span)
    _ = try? codec.decodeListQueuesRequest(span)
    _ = try? codec.decodeListWorkersRequest(span)
    _ = try? codec.decodeQueues(span)
    _ = try? codec.decodeWorkers(span)
    _ = try? codec.decodeServers(span)
    _ = try? codec.decodeFetchResponse(span)
    _ = try? codec.decodeReportResponse(span)
    _ = try? codec.decodeEmptyRequest(span)
    _ = try? codec.decodeWorkResponse(span)
    _ = try? codec.decodeJobResponse(span)
    _ = try? codec.decodeListJobsResponse(span)
    _ = try? codec.decodeStreamEventsResponse(span)
    _ = try? codec.decodeExplainJobResponse(span)
    _ = try? codec.decodeEnqueueBatchResponse(span)
  }

  @Test func corpusIsSurvived() {
    for bytes in seeds() { decodeAsEverything(bytes) }
  }

  /// What is accepted keeps the contract's bounds, whatever was done to the bytes.
  @Test(arguments: [1, 2, 3] as [UInt64]) func damagedMessages(seed: UInt64) throws {
    var random = Random(state: seed)
    let seeds = seeds()
    for round in 0..<4_000 {
      var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
      for _ in 0...(random.next() % 4) {
        let place = bytes.isEmpty ? 0 : Int(random.next() % UInt64(bytes.count))
        switch random.next() % 6 {
        case 0 where !bytes.isEmpty: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(random.next() % 8)
        case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        case 3 where !bytes.isEmpty: bytes.remove(at: place)
        case 4: bytes.removeLast(bytes.count - place)
        default: bytes += seeds[Int(random.next() % UInt64(seeds.count))]
        }
      }
      decodeAsEverything(bytes)
      if let (job, _) = try? codec.enqueue(bytes) {
        let isBounded =
          job.id.utf8.count <= 128 && (1...128).contains(job.queue.utf8.count)
          && (1...256).contains(job.name.utf8.count)
          && !job.name.utf8.contains(0) && (-100...100).contains(job.priority)
        #expect(isBounded, "seed \(seed) round \(round)")
      }
    }
  }
}
