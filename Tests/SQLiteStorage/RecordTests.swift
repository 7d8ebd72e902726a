import Jobs
import Support
import Testing

@testable import SQLiteStorage

@Suite struct RecordTests {
  /// As it is said to be: what is stored must be found good for ever.
  private func plainSum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
    func mix(_ word: UInt64) {
      let product = (sum ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      sum = (product.high ^ product.low) &+ (word << 32 | word >> 32) &+ sum
    }
    let whole = bytes.count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      mix(bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }
    mix(bytes[whole...].reduce(0) { $0 << 8 | UInt64($1) })
    return UInt32(truncatingIfNeeded: sum ^ sum >> 32)
  }

  @Test func checksumsStayAsTheyAreForEveryLength() {
    var random = SeededGenerator(seed: 5)
    for length in 0..<200 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(Checksum.of(bytes) == plainSum(bytes), "\(length) bytes")
    }
  }

  /// Logs of earlier versions have a checksum after each head and standing, too.
  @Test(arguments: [false, true]) func aBatchIsReadWithOrWithoutInnerChecksums(_ isOld: Bool) throws {
    let head = JobHead(
      seq: 7, job: NewJob(id: "chosen", queue: "q", name: "n"), isChosen: true, createdAt: Timestamp(seconds: 3))
    var standing = JobStanding(state: .running, runAt: Timestamp(seconds: 4))
    standing.attempt = 2
    standing.workerID = "w"
    var writer = ByteWriter()
    var mark = Mark()
    mark.nextSeq = 8
    if isOld {
      mark.write(to: &writer)
      writer.putVariable(1)
      writer.putVariable(7)
      writer.put(5 as UInt8)
      writer.putBlock { HeadCodec.write(head, bodySum: 0, to: &$0) }
      writer.putBlock { StateCodec.write(standing, hasCarried: false, keys: nil, to: &$0) }
      writer.put([1, 2, 3] as [UInt8])
      writer.putVariable(0)
      writer.putVariable(0)
      PackedEvents().write(to: &writer)
    } else {
      var change = ChangeSet(number: 1, now: Timestamp(seconds: 5), durability: .synced)
      change.jobs = [JobChange(head: head, standing: standing, isNew: true, body: [1, 2, 3])]
      BatchCodec.write([change], PackedEvents(), mark, to: &writer)
    }
    var bytes: [UInt8] = []
    writer.append(to: &bytes)
    unsafe bytes.withUnsafeBytes { bytes in
      // The reader does not outlive this.
      var reader = unsafe ByteReader(bytes)
      do {
        let batch = try BatchCodec.read(&reader, salt: 1) { _ throws(StoreError) in
          throw StoreError(.unusable, "it is new")
        }
        #expect(reader.isGood && reader.isAtEnd)
        #expect(batch.mark.nextSeq == 8 && batch.jobs.count == 1)
        let job = batch.job(7)
        #expect(job?.head.job.id == "chosen" && job?.head.job.queue == "q" && job?.head.job.name == "n")
        #expect(job?.standing == standing && job?.body == [1, 2, 3])
      } catch {
        Issue.record(error)
      }
    }
  }
}
