/// What `gkick` exits with; they are part of its interface (see `gkick help`).
enum ExitCodes {
  /// Something failed that none of the others names.
  static let failed: Int32 = 1
  /// `wait`: the job ended other than SUCCEEDED.
  static let jobFailed: Int32 = 2
  /// What was asked for is not there.
  static let notFound: Int32 = 3
  /// The request was refused as it stands (invalid, exists already, not in a state for it).
  static let refused: Int32 = 4
  /// The command line is wrong (sysexits EX_USAGE).
  static let usage: Int32 = 64
  /// The server cannot be reached or cannot serve now (sysexits EX_UNAVAILABLE).
  static let unavailable: Int32 = 69
  /// Time ran out (as timeout(1)).
  static let timedOut: Int32 = 124
}
