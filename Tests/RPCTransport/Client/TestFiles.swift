import Foundation

/// A folder of its own, gone when this is.
final class TestFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("gkick-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }

  func write(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    return file(name)
  }
}

/// Runs a program to its end; its exit code, -1 when there is no such program.
@discardableResult
func runProgram(_ arguments: [String], in folder: String? = nil) -> Int32 {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
  do {
    try process.run()
  } catch {
    return -1
  }
  process.waitUntilExit()
  return process.terminationStatus
}

/// A root, a server's certificate for these names, and a client's, made by the openssl tool.
final class TestCertificates: Sendable {
  static let isPossible = runProgram(["openssl", "version"]) == 0
  let folder: TestFolder

  init(names: String = "DNS:localhost,IP:127.0.0.1") throws {
    folder = try TestFolder()
    let extensions = try folder.write("server.ext", "subjectAltName=\(names)\n")
    func openssl(_ arguments: String) throws {
      let parts = ["openssl"] + arguments.split(separator: " ").map(String.init)
      guard runProgram(parts, in: folder.path) == 0 else { throw CocoaError(.executableLoad) }
    }
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    try openssl("req -x509 \(key) -keyout root.key -out root.pem -days 2 -subj /CN=root")
    for name in ["server", "client"] {
      try openssl("req \(key) -keyout \(name).key -out \(name).csr -subj /CN=\(name)")
      let more = name == "server" ? " -extfile \(extensions)" : ""
      try openssl(
        "x509 -req -in \(name).csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -out \(name).pem\(more)")
    }
  }

  var root: String { folder.file("root.pem") }
  func chain(_ name: String) -> String { folder.file(name + ".pem") }
  func key(_ name: String) -> String { folder.file(name + ".key") }
}
