/// Which jobs have a row in the table of running jobs, while change sets are being written: what is stored, and what these change of it.
public struct AsideSeqs {
  private let stored: Set<Int64>
  private var added: Set<Int64> = []
  private var removed: Set<Int64> = []

  public init(_ stored: Set<Int64>) { self.stored = stored }

  /// - Returns: false: it had one.
  public mutating func insert(_ seq: Int64) -> Bool {
    if removed.remove(seq) != nil { return true }
    return !stored.contains(seq) && added.insert(seq).inserted
  }

  /// - Returns: false: it had none.
  public mutating func remove(_ seq: Int64) -> Bool {
    if added.remove(seq) != nil { return true }
    return stored.contains(seq) && removed.insert(seq).inserted
  }

  /// They are written.
  public func apply(to stored: inout Set<Int64>) {
    for seq in removed { stored.remove(seq) }
    stored.formUnion(added)
  }
}
