public import Access
import FoundationEssentials
public import Jobs
import JWTKit

/// JWTs (RFC 7519) of the issuers that the file of `--auth` names. Everything about keys and signatures is JWTKit's; which algorithm a
/// key is for is the key's to say, never the token's.
public struct WebTokens: SignedTokens {
  /// What is wrong with an issuer's keys.
  public struct Failure: Error, CustomStringConvertible {
    public var issuer: String
    public var path: String
    public var reason: String

    public var description: String { "jwt \(issuer): keys \(path): \(reason)" }
  }

  fileprivate struct Trusted: Sendable {
    var issuer: TokenIssuer
    var keys: KeySet
    var decoder: JSONDecoder
  }

  private let trusted: [Trusted]
  private let heads = JSONDecoder()

  /// The largest head of a token, in bytes as written: it is read before anything is known to be true.
  static let largestHead = 1_024
  /// The largest JWKS file, in bytes.
  public static let largestFile = 1 << 20

  /// - Parameter read: the bytes of a file; nil: it cannot be read, or is larger than `largestFile`.
  public init(_ issuers: [TokenIssuer], read: (String) -> [UInt8]?) async throws(Failure) {
    var trusted: [Trusted] = []
    for issuer in issuers {
      guard let bytes = read(issuer.keys) else {
        throw Failure(issuer: issuer.name, path: issuer.keys, reason: "cannot be read, or is over 1 MiB")
      }
      let decoder = JSONDecoder()
      decoder.userInfo[ClaimReader.issuer] = issuer
      do throws(KeySet.Failure) {
        trusted.append(Trusted(issuer: issuer, keys: try await KeySet(bytes), decoder: decoder))
      } catch {
        throw Failure(issuer: issuer.name, path: issuer.keys, reason: error.reason)
      }
    }
    self.trusted = trusted
  }

  /// Of a token that nobody has signed only the head is read, and what follows is verified once per issuer that has the key it names.
  public func grant(of token: ArraySlice<UInt8>, at now: Timestamp) throws(TokenFault) -> Grant {
    let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count <= Self.largestHead, let headBytes = Base64URL.decode(parts[0]),
      let head = try? heads.decode(TokenHead.self, from: Data(headBytes)), let signature = Base64URL.decode(parts[2])
    else { throw TokenFault("the token is no JWT") }
    guard !head.isCritical else { throw TokenFault("the token has extensions that are not known here (crit)") }
    guard let algorithm = Algorithm(rawValue: head.algorithm) else {
      let words = Algorithm.allCases.map(\.rawValue).joined(separator: ", ")
      throw TokenFault("the token is signed with none of \(words)")
    }
    let signed = token[parts[0].startIndex..<parts[1].endIndex]
    var fault = TokenFault("the token's key is not known here")
    for one in trusted {
      guard let key = one.keys.key(head.keyID, algorithm) else { continue }
      guard (try? key.verify(signature, signs: signed)) == true else {
        fault = TokenFault("the token's signature is wrong")
        continue
      }
      do throws(TokenFault) {
        return try one.grant(parts[1], at: now)
      } catch {
        // Another block may have the same keys.
        fault = error
      }
    }
    throw fault
  }
}

extension WebTokens.Trusted {
  fileprivate func grant(_ part: ArraySlice<UInt8>, at now: Timestamp) throws(TokenFault) -> Grant {
    guard let bytes = Base64URL.decode(part), let read = try? decoder.decode(ClaimReader.self, from: Data(bytes)) else {
      throw TokenFault("the token's claims cannot be read")
    }
    return try issuer.grant(read.claims, at: now)
  }
}
