import GKickMessages
import SwiftProtobuf

/// The messages of a method, by its path: how JSON becomes what goes to the server, and its answer JSON.
struct GatewayMethod: Sendable {
  /// "/gkick.v1.JobService/Enqueue"
  var path: String
  var request: any Message.Type
  var response: any Message.Type
  var serverStreams = false
  var clientStreams = false
}

/// Every method of the contract.
enum MethodCatalog {
  static let methods: [String: GatewayMethod] = {
    var found: [String: GatewayMethod] = [:]
    func add(_ service: String, _ name: String, _ request: any Message.Type, _ response: any Message.Type) {
      let path = "/gkick.v1.\(service)/\(name)"
      found[path] = GatewayMethod(path: path, request: request, response: response)
    }
    let job = "JobService"
    add(job, "Enqueue", Gkick_V1_EnqueueRequest.self, Gkick_V1_EnqueueResponse.self)
    add(job, "Schedule", Gkick_V1_ScheduleRequest.self, Gkick_V1_ScheduleResponse.self)
    add(job, "EnqueueBatch", Gkick_V1_EnqueueBatchRequest.self, Gkick_V1_EnqueueBatchResponse.self)
    add(job, "GetJob", Gkick_V1_GetJobRequest.self, Gkick_V1_GetJobResponse.self)
    add(job, "ListJobs", Gkick_V1_ListJobsRequest.self, Gkick_V1_ListJobsResponse.self)
    add(job, "WaitJob", Gkick_V1_WaitJobRequest.self, Gkick_V1_WaitJobResponse.self)
    add(job, "CancelJob", Gkick_V1_CancelJobRequest.self, Gkick_V1_CancelJobResponse.self)
    add(job, "RetryJob", Gkick_V1_RetryJobRequest.self, Gkick_V1_RetryJobResponse.self)
    add(job, "DeleteJob", Gkick_V1_DeleteJobRequest.self, Gkick_V1_DeleteJobResponse.self)
    add(job, "ExplainJob", Gkick_V1_ExplainJobRequest.self, Gkick_V1_ExplainJobResponse.self)
    add(job, "PutBatch", Gkick_V1_PutBatchRequest.self, Gkick_V1_PutBatchResponse.self)
    add(job, "GetBatch", Gkick_V1_GetBatchRequest.self, Gkick_V1_GetBatchResponse.self)
    add(job, "ListBatches", Gkick_V1_ListBatchesRequest.self, Gkick_V1_ListBatchesResponse.self)
    add(job, "CancelBatch", Gkick_V1_CancelBatchRequest.self, Gkick_V1_CancelBatchResponse.self)
    add(job, "StreamEvents", Gkick_V1_StreamEventsRequest.self, Gkick_V1_StreamEventsResponse.self)
    add(job, "EnqueueStream", Gkick_V1_EnqueueBatchRequest.self, Gkick_V1_EnqueueBatchResponse.self)
    let worker = "WorkerService"
    add(worker, "Work", Gkick_V1_WorkRequest.self, Gkick_V1_WorkResponse.self)
    add(worker, "Fetch", Gkick_V1_FetchRequest.self, Gkick_V1_FetchResponse.self)
    add(worker, "Report", Gkick_V1_ReportRequest.self, Gkick_V1_ReportResponse.self)
    let admin = "AdminService"
    add(admin, "GetServerInfo", Gkick_V1_GetServerInfoRequest.self, Gkick_V1_GetServerInfoResponse.self)
    add(admin, "ListServers", Gkick_V1_ListServersRequest.self, Gkick_V1_ListServersResponse.self)
    add(admin, "ListQueues", Gkick_V1_ListQueuesRequest.self, Gkick_V1_ListQueuesResponse.self)
    add(admin, "PauseQueue", Gkick_V1_PauseQueueRequest.self, Gkick_V1_PauseQueueResponse.self)
    add(admin, "ResumeQueue", Gkick_V1_ResumeQueueRequest.self, Gkick_V1_ResumeQueueResponse.self)
    add(admin, "PurgeQueue", Gkick_V1_PurgeQueueRequest.self, Gkick_V1_PurgeQueueResponse.self)
    add(admin, "DeleteQueue", Gkick_V1_DeleteQueueRequest.self, Gkick_V1_DeleteQueueResponse.self)
    add(admin, "RetryJobs", Gkick_V1_RetryJobsRequest.self, Gkick_V1_RetryJobsResponse.self)
    add(admin, "ChangeJobs", Gkick_V1_ChangeJobsRequest.self, Gkick_V1_ChangeJobsResponse.self)
    add(admin, "ListWorkers", Gkick_V1_ListWorkersRequest.self, Gkick_V1_ListWorkersResponse.self)
    add(admin, "DrainWorker", Gkick_V1_DrainWorkerRequest.self, Gkick_V1_DrainWorkerResponse.self)
    add(admin, "PutRecurringJob", Gkick_V1_PutRecurringJobRequest.self, Gkick_V1_PutRecurringJobResponse.self)
    add(admin, "ListRecurringJobs", Gkick_V1_ListRecurringJobsRequest.self, Gkick_V1_ListRecurringJobsResponse.self)
    add(admin, "DeleteRecurringJob", Gkick_V1_DeleteRecurringJobRequest.self, Gkick_V1_DeleteRecurringJobResponse.self)
    add(
      admin, "TriggerRecurringJob", Gkick_V1_TriggerRecurringJobRequest.self, Gkick_V1_TriggerRecurringJobResponse.self)
    add(
      admin, "PreviewRecurringJob", Gkick_V1_PreviewRecurringJobRequest.self, Gkick_V1_PreviewRecurringJobResponse.self)
    add(admin, "PutLimit", Gkick_V1_PutLimitRequest.self, Gkick_V1_PutLimitResponse.self)
    add(admin, "ListLimits", Gkick_V1_ListLimitsRequest.self, Gkick_V1_ListLimitsResponse.self)
    add(admin, "DeleteLimit", Gkick_V1_DeleteLimitRequest.self, Gkick_V1_DeleteLimitResponse.self)
    found["/gkick.v1.JobService/StreamEvents"]?.serverStreams = true
    for path in ["/gkick.v1.JobService/EnqueueStream", "/gkick.v1.WorkerService/Work"] {
      found[path]?.serverStreams = true
      found[path]?.clientStreams = true
    }
    return found
  }()
}
