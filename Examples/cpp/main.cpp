// One small program that is a producer and a worker: `main produce WORD...` and `main work`.
// Built by the Makefile with libgrpc++-dev, protobuf-compiler-grpc and libssl-dev.
#include <grpcpp/grpcpp.h>
#include <openssl/sha.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include "gkick/v1/job_service.grpc.pb.h"
#include "gkick/v1/worker_service.grpc.pb.h"

using namespace gkick::v1;

static std::atomic<bool> stopping{false};

static std::string sha256(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hex;
  for (unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

static int produce(JobService::Stub& jobs, int count, char** words) {
  for (int i = 0; i < count; i++) {
    grpc::ClientContext enqueueCall, waitCall;
    EnqueueRequest request;
    request.mutable_job()->set_name("example.hash");
    request.mutable_job()->set_payload(words[i]);
    EnqueueResponse stored;
    grpc::Status status = jobs.Enqueue(&enqueueCall, request, &stored);
    WaitJobRequest wait;
    WaitJobResponse done;
    if (status.ok()) {
      wait.set_job_id(stored.job_id());
      waitCall.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      status = jobs.WaitJob(&waitCall, wait, &done);
    }
    if (!status.ok()) {
      std::cerr << status.error_message() << std::endl;
      return 1;
    }
    std::cout << stored.job_id() << " " << JobState_Name(done.job().state()) << " " << done.job().result() << std::endl;
  }
  return 0;
}

static int work(WorkerService::Stub& workers) {
  grpc::ClientContext call;
  auto stream = workers.Work(&call);
  std::mutex sending;  // a stream takes one writer at a time
  auto send = [&](const WorkRequest& message) {
    std::lock_guard<std::mutex> lock(sending);
    stream->Write(message);
  };
  WorkRequest first;
  first.mutable_hello()->add_queues()->set_queue("default");
  first.mutable_hello()->add_names("example.hash");
  first.mutable_hello()->set_max_in_flight(16);
  send(first);

  std::atomic<bool> open{true};
  std::atomic<int64_t> beat{1000};  // milliseconds
  std::thread heart([&] {
    bool told = false;
    auto next = std::chrono::steady_clock::now();
    while (open) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      WorkRequest message;  // an empty one renews the leases
      if (stopping && !told) {
        message.set_drain(true);
        told = true;
      } else if (std::chrono::steady_clock::now() < next) {
        continue;
      }
      next = std::chrono::steady_clock::now() + std::chrono::milliseconds(beat);
      send(message);
    }
  });

  WorkResponse update;
  while (stream->Read(&update)) {
    if (update.has_welcome()) {
      beat = update.welcome().heartbeat().seconds() * 500 + update.welcome().heartbeat().nanos() / 2000000;
      std::cout << "worker " << update.welcome().worker_id() << " is ready" << std::endl;
    }
    WorkRequest answer;
    answer.set_ack_seq(update.seq());
    for (const Assignment& job : update.jobs()) {
      Outcome* outcome = answer.add_outcomes();
      *outcome->mutable_lease() = job.lease();
      outcome->mutable_success()->set_result(sha256(job.payload()));
    }
    send(answer);
  }
  open = false;
  heart.join();
  grpc::Status status = stream->Finish();
  if (!status.ok()) std::cerr << status.error_message() << std::endl;
  return status.ok() ? 0 : 1;
}

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { stopping = true; });
  std::signal(SIGINT, [](int) { stopping = true; });
  const char* address = std::getenv("GKICK_ADDRESS");
  auto channel = grpc::CreateChannel(address ? address : "127.0.0.1:7450", grpc::InsecureChannelCredentials());
  if (argc > 1 && std::string(argv[1]) == "produce") return produce(*JobService::NewStub(channel), argc - 2, argv + 2);
  return work(*WorkerService::NewStub(channel));
}
