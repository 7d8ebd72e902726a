/// The two scripts; each is documented at the top of its source in Scripts/.
enum Script: Hashable {
  /// Redis 7 and later can be told that a script may run when memory is used up: one that makes no new jobs may, since jobs that end
  /// give memory back.
  case write(evenIfFull: Bool)
  case lead

  func source(hasFlags: Bool) -> [UInt8] {
    switch self {
    case .write(let evenIfFull):
      let flags = hasFlags && evenIfFull ? Array("#!lua flags=allow-oom\n".utf8) : []
      return flags + PackageResources.write_lua
    case .lead: return (hasFlags ? Array("#!lua flags=allow-oom\n".utf8) : []) + PackageResources.lead_lua
    }
  }
}
