/// Why the server could not start, for the person who started it.
struct StartFailure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
