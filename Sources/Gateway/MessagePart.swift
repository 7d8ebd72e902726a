import NIOHTTP1
import NIOHTTPTypes

/// Where in a message something is, in whichever form it has come.
enum MessagePlace {
  case head
  case body
  case end
}

protocol MessagePart {
  var place: MessagePlace { get }
}

extension HTTPRequestPart: MessagePart {
  var place: MessagePlace {
    switch self {
    case .head: .head
    case .body: .body
    case .end: .end
    }
  }
}

extension HTTPResponsePart: MessagePart {
  var place: MessagePlace {
    switch self {
    case .head: .head
    case .body: .body
    case .end: .end
    }
  }
}

extension HTTPPart: MessagePart {
  var place: MessagePlace {
    switch self {
    case .head: .head
    case .body: .body
    case .end: .end
    }
  }
}
