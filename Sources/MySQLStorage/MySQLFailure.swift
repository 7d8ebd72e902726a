import Jobs

/// What the database or its client library said.
struct MySQLFailure: Error {
  var number: UInt32
  var message: String

  /// The fence of `gkick_begin_tick`.
  static let deposed: UInt32 = 31_001
  /// What is stored cannot be used; a number of our own.
  static let unusable: UInt32 = 31_002
  /// The connection failed; as the client library's numbers from 2000 on.
  static let connection: UInt32 = 2_000

  var endsConnection: Bool {
    // The server goes away, takes no writes any more (perhaps another one does), or stopped the statement.
    (2_000..<3_000).contains(number)
      || [
        1_053, 1_077, 1_129, 1_158, 1_159, 1_160, 1_161, 1_290, 1_317, 1_792, 1_836, 1_927, 1_969, 3_024, 3_100, 4_031,
      ]
      .contains(number)
  }

  /// The user, its password, its database or its way to sign in is not taken.
  var isRefusal: Bool { [1_044, 1_045, 1_049, 1_698].contains(number) }

  /// Lost against another transaction: nothing was written, and the same may well succeed now.
  var isPassing: Bool { number == 1_213 || number == 1_205 || number == 1_020 }

  var storeError: StoreError {
    let text = "MySQL: \(message)"
    switch number {
    case Self.deposed: return StoreError(.deposed, message)
    case Self.unusable: return StoreError(.unusable, message)
    case 1_021, 1_114, 1_041, 1_037, 1_038: return StoreError(.full, text)
    case 1_030 where message.contains("28"), 3 where message.contains("28"): return StoreError(.full, text)
    case 1_040, 1_203, 1_226:
      return StoreError(.unavailable, "\(text): raise max_connections, or give the user some of its own")
    case 1_290, 1_792, 1_836:
      return StoreError(.unavailable, "\(text): this is a replica, or the database was made read-only")
    case 1_044, 1_045, 1_049, 1_142, 1_146, 1_054, 1_305, 1_370, 1_419, 1_698: return StoreError(.unusable, text)
    default: return StoreError(.unavailable, text)
    }
  }
}
