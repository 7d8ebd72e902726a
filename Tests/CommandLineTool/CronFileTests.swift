import Testing

@testable import CommandLineTool

/// What is said of a file of recurring jobs that has a mistake.
struct CronFileTests {
  private func refusal(_ text: String) -> String? {
    do throws(StartFailure) {
      _ = try CronFile.parse(Array(text.utf8))
      return nil
    } catch { return error.description }
  }

  @Test func aDocumentWithoutMistakesIsTaken() {
    #expect(
      refusal(
        """
        {"recurring": [{"id": "a", "cron": "0 3 * * *", "time_zone": "Europe/Berlin", "missed": "all", "overlap": "skip", "paused": true,
        "name": "x", "queue": "q", "payload": {"n": 1}, "priority": 1, "metadata": {"a": "b"}, "timeout": "5s", "max_attempts": 2,
        "concurrency_key": "c", "fairness_key": "f", "batch_id": "b"}, {"id": "b", "every": "1h", "name": "y"}]}
        """) == nil)
    #expect(refusal(#"{"recurring": []}"#) == nil)
  }

  @Test func aFieldThatThereIsNotIsNamed() {
    let text =
      #"{"recurring": [{"id": "a", "every": "1h", "name": "x"}, {"id": "b", "every": "1h", "name": "x", "overlapp": "skip"}]}"#
    #expect(refusal(text) == "b: there is no field overlapp; overlap was meant?")
    #expect(refusal(text.replacing("overlapp", with: "xyzzy")) == "b: there is no field xyzzy")
  }

  @Test func whatIsMissingOrOfAnotherKindIsPlaced() throws {
    #expect(refusal(#"{"recurring": [{"id": "a", "every": "1h"}]}"#)?.hasSuffix("[0]: name is missing") == true)
    let kind = try #require(refusal(#"{"recurring": [{"id": "a", "every": 5, "name": "x"}]}"#))
    #expect(kind == "recurring.[0].every: must be a text")
    for text in ["[]", "5", "null", #""x""#] { #expect(refusal(text) == #"must be {"recurring": [...]}"#) }
    #expect(refusal(#"{"recurring": {}}"#) == "recurring: must be a list")
    #expect(refusal(#"{"recurring": [5]}"#) == "recurring.[0]: must be an object")
    #expect(
      refusal(#"{"recurring": [{"id": "a", "every": "5s", "name": "x", "paused": 1}]}"#)?.hasSuffix("true or false")
        == true)
    #expect(
      refusal(#"{"recurring": [{"id": "a", "every": "5s", "name": "x", "priority": "1"}]}"#)?.hasSuffix(
        "a whole number") == true)
    #expect(
      refusal(#"{"recurring": [{"id": "a", "every": "5s", "name": "x", "metadata": []}]}"#)?.hasSuffix("an object")
        == true)
    #expect(refusal("{}") == "recurring is missing")
  }

  @Test func whatIsNoJSONIsSaidWithoutAnEmptyPlace() throws {
    let said = try #require(refusal(#"{"recurring": ["#))
    #expect(!said.hasPrefix(":") && said.contains("JSON"))
  }
}
