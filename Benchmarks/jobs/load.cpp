// The worker's side of the load, fast enough not to be what is measured: stock gRPC C++ on the contract's .proto files.
//   load work ADDRESS QUEUE STREAMS SLOTS   no-op workers, until standard input ends; prints how many jobs they ran
//   load pickup ADDRESS QUEUE COUNT         one job at a time to an idle worker; prints each time in microseconds
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "gkick/v1/job_service.grpc.pb.h"
#include "gkick/v1/worker_service.grpc.pb.h"

using namespace gkick::v1;
using Clock = std::chrono::steady_clock;

static std::shared_ptr<grpc::Channel> connect(const std::string &address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

static WorkRequest hello(const std::string &queue, int slots) {
  WorkRequest request;
  request.mutable_hello()->add_queues()->set_queue(queue);
  request.mutable_hello()->set_max_in_flight(slots);
  return request;
}

// Answers every assignment with success; an outcome is also the confirmation and the pull for the next.
static void answer(const WorkResponse &response, WorkRequest &request) {
  request.Clear();
  request.set_ack_seq(response.seq());
  for (const auto &job : response.jobs()) {
    auto *outcome = request.add_outcomes();
    *outcome->mutable_lease() = job.lease();
    outcome->mutable_success();
  }
}

static int work(const std::string &address, const std::string &queue, int streams, int slots) {
  std::atomic<long> done{0};
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::thread> threads;
  for (int index = 0; index < streams; index++) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    // To a server with --auth.
    if (auto token = getenv("GKICK_TOKEN")) contexts.back()->AddMetadata("authorization", std::string("Bearer ") + token);
    threads.emplace_back([&, context = contexts.back().get()] {
      auto stub = WorkerService::NewStub(connect(address));
      auto stream = stub->Work(context);
      stream->Write(hello(queue, slots));
      WorkResponse response;
      WorkRequest request;
      while (stream->Read(&response)) {
        answer(response, request);
        done += request.outcomes_size();
        if (!stream->Write(request)) break;
      }
      stream->Finish();
    });
  }
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  for (auto &context : contexts) context->TryCancel();
  for (auto &thread : threads) thread.join();
  printf("%ld\n", done.load());
  return 0;
}

static int pickup(const std::string &address, const std::string &queue, int count) {
  auto producer = JobService::NewStub(connect(address));
  auto worker = WorkerService::NewStub(connect(address));
  grpc::ClientContext context;
  auto stream = worker->Work(&context);
  stream->Write(hello(queue, 1));
  WorkResponse response;
  WorkRequest request;
  if (!stream->Read(&response)) return 1;

  EnqueueRequest job;
  job.mutable_job()->set_queue(queue);
  job.mutable_job()->set_name("noop");
  job.mutable_job()->set_payload(std::string(128, 'x'));
  for (int index = 0; index < count; index++) {
    auto began = Clock::now();
    std::thread producing([&] {
      grpc::ClientContext call;
      EnqueueResponse stored;
      producer->Enqueue(&call, job, &stored);
    });
    do {
      if (!stream->Read(&response)) return 1;
    } while (response.jobs_size() == 0);
    printf("%ld\n", (long)std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count());
    producing.join();
    answer(response, request);
    stream->Write(request);
    do {
      if (!stream->Read(&response)) return 1;
    } while (response.results_size() == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  context.TryCancel();
  stream->Finish();
  return 0;
}

int main(int count, char **arguments) {
  if (count == 6 && std::string(arguments[1]) == "work")
    return work(arguments[2], arguments[3], atoi(arguments[4]), atoi(arguments[5]));
  if (count == 5 && std::string(arguments[1]) == "pickup") return pickup(arguments[2], arguments[3], atoi(arguments[4]));
  fprintf(stderr, "usage: load work ADDRESS QUEUE STREAMS SLOTS | load pickup ADDRESS QUEUE COUNT\n");
  return 64;
}
