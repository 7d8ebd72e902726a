import Jobs
import Testing

@testable import CommandLineTool

@Suite struct ServerLogTests {
  @Test func aLineStaysOneLineWhateverIsInIt() {
    let text = ServerLog.line(
      format: .text, time: "T", level: .warning, message: "a\nb", metadata: [("k", "v w"), ("q", "x\"y\u{1b}")])
    #expect(text == "T WARNING a\\nb k=\"v w\" q=\"x\\\"y\\u001b\"\n")
    let json = ServerLog.line(format: .json, time: "T", level: .info, message: "a\"\n\\", metadata: [("k", "v")])
    #expect(json == "{\"time\":\"T\",\"level\":\"info\",\"message\":\"a\\\"\\n\\\\\",\"k\":\"v\"}\n")
  }

  @Test func timesAreGregorian() {
    #expect(TimestampText.text(Timestamp(microseconds: 0 * 1_000)) == "1970-01-01T00:00:00.000Z")
    #expect(TimestampText.text(Timestamp(microseconds: 951_827_696_789 * 1_000)) == "2000-02-29T12:34:56.789Z")
    #expect(TimestampText.text(Timestamp(microseconds: 1_798_761_599_999 * 1_000)) == "2026-12-31T23:59:59.999Z")
    #expect(TimestampText.text(Timestamp(microseconds: 253_402_300_799_000 * 1_000)) == "9999-12-31T23:59:59.000Z")
  }

  @Test func metricsAreEscapedAndCumulative() {
    var page = PrometheusText()
    page.family("x", .histogram, "What.")
    page.histogram("x", [("queue", "a\"b\\")], bounds: [0.5, 1], counts: [1, 2, 3], sum: 4.5)
    #expect(
      page.text == """
        # HELP x What.
        # TYPE x histogram
        x_bucket{queue="a\\"b\\\\",le="0.5"} 1
        x_bucket{queue="a\\"b\\\\",le="1"} 3
        x_bucket{queue="a\\"b\\\\",le="+Inf"} 6
        x_sum{queue="a\\"b\\\\"} 4.5
        x_count{queue="a\\"b\\\\"} 6

        """)
  }
}
