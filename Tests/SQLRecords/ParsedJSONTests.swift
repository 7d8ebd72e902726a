import SQLRecords
import Testing

struct ParsedJSONTests {
  private func object(_ text: String) -> [JSONField]? { ParsedJSON.object(Array(text.utf8)) }

  @Test func everyKindOfValueIsRead() throws {
    let text =
      #" { "a" : "x\n\"\\\/\u00e9\ud83d\ude00", "b":-1.50e+3,"c":[true , false,null,[]], "d":{"e":{}} , "a":0 } "#
    let fields = try #require(object(text))
    #expect(fields.map(\.key) == ["a", "b", "c", "d", "a"])
    #expect(
      fields.map { String(decoding: $0.bytes, as: UTF8.self) } == [
        #""x\n\"\\\/\u00e9\ud83d\ude00""#, "-1.50e+3", "[true , false,null,[]]", #"{"e":{}}"#, "0",
      ])
    guard case .text(let first) = fields[0].value, case .number(let number) = fields[1].value,
      case .array(let values) = fields[2].value
    else {
      Issue.record("of other kinds")
      return
    }
    #expect(first == "x\n\"\\/é😀" && number == "-1.50e+3" && values.count == 4)
    guard case .bool(true) = values[0], case .bool(false) = values[1], case .null = values[2] else {
      Issue.record("of other kinds")
      return
    }
    #expect(object("{}")?.isEmpty == true)
  }

  @Test(arguments: [
    "", "[]", "1", "null", "{", "}", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{\"a\":01}",
    "{\"a\":1.}",
    "{\"a\":.5}", "{\"a\":+1}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":NaN}", "{\"a\":tru}", "{\"a\":[1,]}",
    "{\"a\":[1 2]}",
    "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u+123\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800\\u0041\"}",
    "{\"a\":\"\\udc00\"}", "{\"a\":\"\n\"}", "{\"a\":\"x}",
  ])
  func whatIsNoObjectIsRefused(_ text: String) { #expect(object(text) == nil) }

  /// Producers choose the depth; the thread that reads has a stack of its own size.
  @Test func depthHasALimit() {
    func nested(_ depth: Int) -> String {
      "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
    }
    #expect(object(nested(100)) != nil)
    #expect(object(nested(101)) == nil)
    #expect(object(nested(1_000_000)) == nil)
  }

  @Test func anObjectOfTextsIsReadAsPairs() throws {
    let texts = try #require(object(#"{"b": "1", "a": ""}"#).flatMap { ParsedJSON.texts($0) })
    #expect(texts.map { "\($0.key)=\($0.value)" } == ["b=1", "a="])
    #expect(object(#"{"a": 1}"#).flatMap { ParsedJSON.texts($0) } == nil)
  }
}
