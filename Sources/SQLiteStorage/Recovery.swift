import Glibc
import Jobs

/// Opening a store: what the life before left in its log is brought into the database, what is missing is told.
enum Recovery {
  struct Result {
    var mark: Mark
    var findings: [String] = []
  }

  /// As part of the transaction that opens the store.
  /// - Parameter bootID: of the machine's run; another one than the store's means that what was not synced may be gone.
  static func run(_ database: Database, bootID: Int64, logSize: Int64) throws(StoreError) -> Result {
    var result = Result(mark: try database.mark())
    let lastBoot = try database.meta("boot")
    if !result.mark.isClosed {
      try replay(database, logSize, &result)
      // Cursors that were shown may have been of events that are gone.
      if lastBoot != bootID { result.mark.lastCursor = max(result.mark.lastCursor, result.mark.reservedCursor) }
    }
    result.mark.reservedCursor = max(result.mark.reservedCursor, result.mark.lastCursor)
    // Until the new life has its first record, the log is not needed.
    result.mark.isClosed = true
    try database.put(result.mark)
    try database.setMeta("boot", bootID)
    return result
  }

  private static func replay(_ database: Database, _ logSize: Int64, _ result: inout Result) throws(StoreError) {
    let start = result.mark.applied
    let contents = Log.read(database.directory, life: result.mark.life, size: logSize)
    var number = start + 1
    while let found = contents.records[number] {
      let batch = try read(found, contents, salt: database.salt) { seq throws(StoreError) in try database.stored(seq) }
      guard let batch else { break }
      try database.apply(batch)
      result.mark = batch.mark
      number += 1
    }
    let path = database.directory.path
    if contents.isMissing { result.findings.append("a file of the log in \(path) is missing") }
    if contents.isCut { result.findings.append("a file of the log in \(path) is shorter than it was") }
    let later = contents.records.keys.filter { $0 >= number }
    if let newest = later.max() {
      // Records after a gap: what was synced before them was surely there.
      let isSure = contents.records.values.contains { $0.record.number >= number && $0.record.synced >= number }
      result.findings.append(
        isSure
          ? "the log in \(path) is damaged: \(newest - number + 1) writes that were acknowledged, from number \(number) on, are lost"
          : "the log in \(path) has a gap: \(newest - number + 1) writes from number \(number) on, none of them synced, are lost"
      )
    } else if contents.records.isEmpty {
      result.findings.append(
        "the log in \(path) holds nothing of the server that ended without closing the store: what it wrote after number \(start) is lost"
      )
    } else if contents.broken.contains(number) {
      result.findings.append(
        "the newest entry of the log in \(path), number \(number), is not whole: a write that was going on when the server ended, or damage"
      )
    }
  }

  /// - Parameter stored: what the rows of a job are before it.
  static func read(
    _ found: Log.Contents.Record, _ contents: Log.Contents, salt: UInt32,
    stored: (Int64) throws(StoreError) -> (JobHead, JobFlags)
  ) throws(StoreError) -> Batch? {
    var failure: StoreError?
    let batch: Batch? = unsafe contents.bytes[found.segment].withUnsafeBytes { bytes in
      // A range of the same bytes, which outlive the reader.
      var reader = unsafe ByteReader(UnsafeRawBufferPointer(rebasing: bytes[found.record.range]))
      do throws(StoreError) {
        let batch = try BatchCodec.read(&reader, salt: salt, stored: stored)
        return reader.isGood ? batch : nil
      } catch {
        failure = error
        return nil
      }
    }
    if let failure { throw failure }
    return batch
  }

  /// Of this run of the machine; 0: it is not known.
  static func currentBoot() -> Int64 {
    let descriptor = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return Int64.random(in: 1...Int64.max) }
    defer { close(descriptor) }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 64) { buffer, initialized in
      // As many as there is room for.
      initialized = max(0, unsafe Glibc.read(descriptor, buffer.baseAddress, 64))
    }
    return Int64(Checksum.of(bytes)) << 31 | Int64(Checksum.of(bytes.reversed()) >> 1)
  }
}
