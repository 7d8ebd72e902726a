import FoundationEssentials
import JWTKit

/// The algorithms that are believed: one per kind of key, so that no token can choose how its key is used.
enum Algorithm: String, CaseIterable, Sendable {
  case rs256 = "RS256"
  case es256 = "ES256"
  case eddsa = "EdDSA"
}

/// Public keys of a JWKS file (RFC 7517), ready to verify with.
struct KeySet: Sendable {
  /// What is wrong with a file.
  struct Failure: Error {
    var reason: String
  }

  private struct Name: Hashable {
    /// Empty: the key has none.
    var id: String
    var algorithm: Algorithm
  }

  private var keys: [Name: any JWTAlgorithm] = [:]

  /// More keys than anybody has in use.
  private static let maxKeys = 256

  /// Leaves out what is for something else: other algorithms, encryption.
  init(_ bytes: [UInt8]) async throws(Failure) {
    let file: File
    do { file = try JSONDecoder().decode(File.self, from: Data(bytes)) } catch {
      throw Failure(reason: "no JWK set: an object with \"keys\", a list of them")
    }
    for entry in file.keys {
      guard let jwk = entry.jwk, let algorithm = Self.algorithm(of: jwk) else { continue }
      let name = Name(id: jwk.keyIdentifier?.string ?? "", algorithm: algorithm)
      guard jwk.privateExponent == nil else {
        throw Failure(reason: "key \"\(name.id)\" is a private one: a server needs the public half only")
      }
      guard keys[name] == nil else {
        throw Failure(reason: "key \"\(name.id)\" is there twice for \(algorithm.rawValue)")
      }
      guard keys.count < Self.maxKeys else { throw Failure(reason: "more than \(Self.maxKeys) keys") }
      keys[name] = try await Self.verifier(jwk, algorithm, name.id)
    }
    guard !keys.isEmpty else {
      let words = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure(reason: "no key for any of \(words)")
    }
  }

  /// A token that names no key means the only one for its algorithm.
  func key(_ id: String?, _ algorithm: Algorithm) -> (any JWTAlgorithm)? {
    if let id { return keys[Name(id: id, algorithm: algorithm)] }
    let all = keys.filter { $0.key.algorithm == algorithm }
    return all.count == 1 ? all.first?.value : nil
  }

  private static func algorithm(of jwk: JWK) -> Algorithm? {
    let algorithm: Algorithm
    switch jwk.keyType {
    case .rsa: algorithm = .rs256
    case .ecdsa where jwk.curve?.rawValue == "P-256": algorithm = .es256
    case .octetKeyPair where jwk.curve?.rawValue == "Ed25519": algorithm = .eddsa
    default: return nil
    }
    if let said = jwk.algorithm, said.rawValue != algorithm.rawValue { return nil }
    return algorithm
  }

  private static func verifier(
    _ jwk: JWK, _ algorithm: Algorithm, _ id: String
  ) async throws(Failure) -> any JWTAlgorithm {
    var jwk = jwk
    // A collection of this key alone, which wants a name.
    jwk.keyIdentifier = "key"
    do {
      let collection = JWTKeyCollection()
      try await collection.add(jwk: jwk)
      return try await collection.getKey(for: "key", alg: algorithm.rawValue)
    } catch {
      throw Failure(reason: "key \"\(id)\" is no key for \(algorithm.rawValue), or one of less than 2048 bits")
    }
  }

  private struct File: Decodable {
    var keys: [Entry]
  }

  /// Sets have keys of kinds that nobody here knows: they are left out.
  private struct Entry: Decodable {
    var jwk: JWK?

    private enum Field: String, CodingKey {
      case use
    }

    init(from decoder: any Decoder) throws {
      let use = try decoder.container(keyedBy: Field.self).decodeIfPresent(String.self, forKey: .use)
      jwk = use == nil || use == "sig" ? try? JWK(from: decoder) : nil
    }
  }
}
