/// How log lines look.
enum LogFormat: String, Sendable {
  case text
  case json
}
