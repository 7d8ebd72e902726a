// The measure to be compared with: gRPC C++ as it is meant to be used when speed matters, without protobuf on the way (raw methods).
//   grpc_server cq|callback     prints its port, serves until standard input ends
// cq: one thread on one completion queue; callback: gRPC's own threads.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>

#include "echo.grpc.pb.h"

using bench::Echo;
using grpc::ByteBuffer;

static ByteBuffer firstBytes(const ByteBuffer &request) {
  grpc::Slice whole;
  if (!request.TrySingleSlice(&whole).ok()) request.DumpToSingleSlice(&whole);
  grpc::Slice answer(whole.begin(), std::min<size_t>(16, whole.size()));
  return ByteBuffer(&answer, 1);
}

// ---- completion queue

using AsyncService = Echo::WithRawMethod_Sync<Echo::WithRawMethod_Stream<Echo::Service>>;

struct Tag {
  virtual ~Tag() = default;
  virtual void proceed(bool ok) = 0;
};

struct UnaryCall : Tag {
  AsyncService &service;
  grpc::ServerCompletionQueue &queue;
  grpc::ServerContext context;
  ByteBuffer request;
  grpc::ServerAsyncResponseWriter<ByteBuffer> writer{&context};
  bool answered = false;

  UnaryCall(AsyncService &service, grpc::ServerCompletionQueue &queue) : service(service), queue(queue) {
    service.RequestSync(&context, &request, &writer, &queue, &queue, this);
  }

  void proceed(bool ok) override {
    if (answered || !ok) {
      delete this;
      return;
    }
    new UnaryCall(service, queue);
    answered = true;
    writer.Finish(firstBytes(request), grpc::Status::OK, this);
  }
};

struct StreamCall : Tag {
  enum { arriving, reading, writing, finishing } state = arriving;
  AsyncService &service;
  grpc::ServerCompletionQueue &queue;
  grpc::ServerContext context;
  ByteBuffer message;
  grpc::ServerAsyncReaderWriter<ByteBuffer, ByteBuffer> stream{&context};

  StreamCall(AsyncService &service, grpc::ServerCompletionQueue &queue) : service(service), queue(queue) {
    service.RequestStream(&context, &stream, &queue, &queue, this);
  }

  void proceed(bool ok) override {
    if (state == finishing || (state == arriving && !ok)) {
      delete this;
    } else if (!ok) {
      state = finishing;
      stream.Finish(grpc::Status::OK, this);
    } else if (state == reading) {
      state = writing;
      stream.Write(message, this);
    } else {
      if (state == arriving) new StreamCall(service, queue);
      state = reading;
      stream.Read(&message, this);
    }
  }
};

static void poll(grpc::ServerCompletionQueue &queue) {
  void *tag;
  bool ok;
  while (queue.Next(&tag, &ok)) static_cast<Tag *>(tag)->proceed(ok);
}

// ---- callbacks

struct EchoReactor : grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> {
  ByteBuffer message;
  EchoReactor() { StartRead(&message); }
  void OnReadDone(bool ok) override {
    if (ok) StartWrite(&message);
    else Finish(grpc::Status::OK);
  }
  void OnWriteDone(bool ok) override {
    if (ok) StartRead(&message);
    else Finish(grpc::Status::OK);
  }
  void OnDone() override { delete this; }
};

struct CallbackService : Echo::WithRawCallbackMethod_Sync<Echo::WithRawCallbackMethod_Stream<Echo::Service>> {
  grpc::ServerUnaryReactor *Sync(grpc::CallbackServerContext *context, const ByteBuffer *request,
                                 ByteBuffer *response) override {
    *response = firstBytes(*request);
    auto *reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerBidiReactor<ByteBuffer, ByteBuffer> *Stream(grpc::CallbackServerContext *) override {
    return new EchoReactor;
  }
};

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: grpc_server cq|callback\n");
    return 64;
  }
  bool callbacks = !strcmp(arguments[1], "callback");
  AsyncService async;
  CallbackService callback;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(callbacks ? static_cast<grpc::Service *>(&callback) : &async);
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  if (!callbacks) queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::thread polling;
  if (!callbacks) {
    for (int index = 0; index < 256; index++) new UnaryCall(async, *queue);
    new StreamCall(async, *queue);
    polling = std::thread([&] { poll(*queue); });
  }
  printf("listening on 127.0.0.1:%d\n", port);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  // Nothing is lost that a benchmark would miss.
  _exit(0);
}
