import Jobs
import Synchronization

/// Which jobs there are and what they are found by, in memory: a few bytes per job, rebuilt at the start. What people ask for is found in it,
/// so that a page costs what it holds; the rows then say the rest.
///
/// Changed by the storage's thread alone; looked at by any.
final class Catalogue: Sendable {
  fileprivate struct State: ~Copyable {
    /// By rising `first`; none is empty but the last.
    var chunks: [Chunk] = []
  }
  private let state = Mutex(State())

  /// Of one hold of the lock, so that writing never waits long.
  private static let chunksAtOnce = 256

  struct Change {
    var seq: Int64
    /// nil: as they are.
    var keys: JobKeys?
    /// nil: gone.
    var flags: JobFlags?
  }

  func apply(_ changes: [Change]) {
    state.withLock { state in
      for change in changes {
        if let flags = change.flags {
          if let keys = change.keys {
            state.chunk(for: change.seq).put(change.seq, flags, keys)
          } else {
            state.existing(change.seq)?.set(change.seq, flags)
          }
        } else {
          state.remove(change.seq)
        }
      }
    }
  }

  /// Becomes what `other` is, which nobody else has.
  func take(_ other: Catalogue) {
    let chunks = other.state.withLock { state in
      let chunks = Held(chunks: state.chunks)
      state.chunks = []
      return chunks
    }
    state.withLock { $0.chunks = chunks.chunks }
  }

  /// On its way from one to the other.
  private struct Held: @unchecked Sendable {
    let chunks: [Chunk]
  }

  func flags(_ seq: Int64) -> JobFlags? { state.withLock { $0.existing(seq)?.flags(seq) } }

  var count: Int { state.withLock { $0.chunks.reduce(0) { $0 + $1.count } } }

  /// For tests.
  var chunkCount: Int { state.withLock { $0.chunks.count } }

  /// Seqs below `before` that may match, the highest first.
  func find(_ query: JobQuery, before: Int64, limit: Int) -> [Int64] {
    let wanted = Wanted(query)
    var found: [Int64] = []
    var before = before
    var isAtEnd = false
    while !isAtEnd, found.count < limit {
      state.withLock { state in
        var index = state.index(of: before) ?? -1
        var looked = 0
        while index >= 0, looked < Self.chunksAtOnce, found.count < limit {
          state.chunks[index].find(wanted, before: before, limit: limit, into: &found)
          before = min(before, state.chunks[index].first)
          index -= 1
          looked += 1
        }
        isAtEnd = index < 0
      }
    }
    return found
  }
}

extension Catalogue.State {
  /// Of the last chunk that begins at or before `seq`.
  fileprivate func index(of seq: Int64) -> Int? {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low + high) / 2
      if chunks[middle].first <= seq { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : low - 1
  }

  fileprivate func existing(_ seq: Int64) -> Chunk? {
    if let last = chunks.last, last.first <= seq { return seq < last.first + Chunk.size ? last : nil }
    guard let index = index(of: seq), seq < chunks[index].first + Chunk.size else { return nil }
    return chunks[index]
  }

  fileprivate mutating func chunk(for seq: Int64) -> Chunk {
    if let chunk = existing(seq) { return chunk }
    let chunk = Chunk(first: seq / Chunk.size * Chunk.size)
    if let last = chunks.last, last.first < chunk.first {
      if last.count == 0 { chunks.removeLast() } else { last.settle() }
      chunks.append(chunk)
    } else {
      chunks.insert(chunk, at: index(of: seq).map { $0 + 1 } ?? 0)
    }
    return chunk
  }

  fileprivate mutating func remove(_ seq: Int64) {
    guard let index = index(of: seq), seq < chunks[index].first + Chunk.size else { return }
    let chunk = chunks[index]
    chunk.set(seq, .none)
    // The newest one is still to be filled.
    if index == chunks.count - 1 { return }
    if chunk.count == 0 { chunks.remove(at: index) } else if chunk.count & 63 == 0 { chunk.settle() }
  }
}
