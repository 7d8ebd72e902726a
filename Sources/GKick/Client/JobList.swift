/// Stored jobs, newest first, read page by page.
public struct JobList: AsyncSequence, Sendable {
  public typealias Element = JobInfo

  let backend: GRPCBackend
  let query: JobQuery
  let pageSize: Int

  public func makeAsyncIterator() -> Iterator { Iterator(list: self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let list: JobList
    private var page: ArraySlice<JobInfo> = []
    /// `nil`: the last page was read.
    private var token: String? = ""

    init(list: JobList) { self.list = list }

    public mutating func next() async throws -> JobInfo? {
      while page.isEmpty {
        guard let token else { return nil }
        let read = try await list.backend.jobs(list.query, pageSize: list.pageSize, pageToken: token)
        page = read.jobs[...]
        self.token = read.nextPageToken.isEmpty ? nil : read.nextPageToken
      }
      return page.removeFirst()
    }
  }
}
