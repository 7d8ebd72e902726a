// One small program that is a producer and a worker: `main produce WORD...` and `main work`.
// Built by the Makefile with libgrpc++-dev, protobuf-compiler-grpc and libssl-dev.
#include <grpcpp/grpcpp.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <string>
#include <thread>

#include "gkick/v1/job_service.grpc.pb.h"
#include "gkick/v1/worker_service.grpc.pb.h"

using namespace gkick::v1;

static std::atomic<bool> stopping{false};

// Says who calls, to a server with --auth.
static std::string token;

static void identify(grpc::ClientContext& call) {
  if (!token.empty()) call.AddMetadata("authorization", "Bearer " + token);
}

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
    identify(enqueueCall);
    identify(waitCall);
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

// Comes back after the server was away, with the same id, and goes on with what it holds.
class Worker {
 public:
  explicit Worker(std::shared_ptr<grpc::Channel> channel)
      : stub_(WorkerService::NewStub(channel)),
        id_("cpp-" + std::to_string(getpid()) + "-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count())) {}

  int run() {
    for (int wait = 100;; wait = std::min(wait * 2, 10000)) {
      bool welcomed = false;
      grpc::Status status = stream(&welcomed);
      if (status.ok() || (stopping && held_.empty())) return 0;  // drained
      if (welcomed) wait = 100;
      std::cout << "connection lost (" << status.error_message() << "), again in " << wait << " ms" << std::endl;
      std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    }
  }

 private:
  // One stream, until it ends; OK when the server ended it because the worker has drained.
  grpc::Status stream(bool* welcomed) {
    grpc::ClientContext call;
    identify(call);
    auto stream = stub_->Work(&call);
    std::mutex sending;  // a stream takes one writer at a time
    auto send = [&](const WorkRequest& message) {
      std::lock_guard<std::mutex> lock(sending);
      stream->Write(message);
    };
    WorkRequest first;
    WorkerHello* hello = first.mutable_hello();
    hello->set_worker_id(id_);
    hello->add_queues()->set_queue("default");
    hello->add_names("example.hash");
    hello->set_max_in_flight(16);
    hello->mutable_resume_window()->set_seconds(30);
    for (const auto& [token, lease] : held_) *hello->add_held() = lease;
    send(first);
    WorkRequest again;  // what was finished while the connection was away
    for (const auto& [token, outcome] : unsent_) *again.add_outcomes() = outcome;
    send(again);

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
        *welcomed = true;
        beat = update.welcome().heartbeat().seconds() * 500 + update.welcome().heartbeat().nanos() / 2000000;
        for (const JobLease& lease : update.welcome().lost()) forget(lease);
        std::cout << "worker " << update.welcome().worker_id() << " is ready" << std::endl;
      }
      WorkRequest answer;
      answer.set_ack_seq(update.seq());
      bool isRefused = false;
      for (const OutcomeResult& result : update.results()) {
        auto code = static_cast<grpc::StatusCode>(result.status_code());
        if (code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::RESOURCE_EXHAUSTED) {
          isRefused = true;  // the store does not take it now
          *answer.add_outcomes() = unsent_[result.lease().token()];
        } else {
          forget(result.lease());
        }
      }
      if (isRefused) std::this_thread::sleep_for(std::chrono::seconds(1));
      for (const Assignment& job : update.jobs()) {
        Outcome outcome;
        *outcome.mutable_lease() = job.lease();
        outcome.mutable_success()->set_result(sha256(job.payload()));
        held_[job.lease().token()] = job.lease();
        unsent_[job.lease().token()] = outcome;
        *answer.add_outcomes() = outcome;
      }
      send(answer);
    }
    open = false;
    heart.join();
    return stream->Finish();
  }

  void forget(const JobLease& lease) {
    held_.erase(lease.token());
    unsent_.erase(lease.token());
  }

  std::unique_ptr<WorkerService::Stub> stub_;
  std::string id_;
  std::map<uint64_t, JobLease> held_;   // by token: what is not settled yet, told again after a reconnect
  std::map<uint64_t, Outcome> unsent_;  // until the server has said that it is stored
};

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { stopping = true; });
  std::signal(SIGINT, [](int) { stopping = true; });
  auto variable = [](const char* name, const char* otherwise) { return std::getenv(name) ? std::string(std::getenv(name)) : otherwise; };
  std::string address = variable("GKICK_ADDRESS", "127.0.0.1:7450");
  token = variable("GKICK_TOKEN", "");
  // In plaintext, as here, it goes no further than this machine unless that is said.
  bool isLocal = std::regex_match(address, std::regex(R"((localhost|127(\.\d+){3}|\[::1\])(:\d+)?)"));
  if (!token.empty() && !isLocal && variable("GKICK_INSECURE_TOKEN", "") != "1") {
    std::cerr << "GKICK_TOKEN is not sent to " << address << " in plaintext unless GKICK_INSECURE_TOKEN=1 says so" << std::endl;
    return 1;
  }
  auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  if (argc > 1 && std::string(argv[1]) == "produce") return produce(*JobService::NewStub(channel), argc - 2, argv + 2);
  return Worker(channel).run();
}
