// Few callers: a client that costs little beside the server, for gKick and for beanstalkd alike. One thread, one connection for the producer and
// one for the worker; HTTP/2 frames written by hand around the contract's messages.
//   few gkick|beanstalkd HOST:PORT open RATE SECONDS [relaxed]   jobs at times that are fixed before; a no-op worker
//   few gkick|beanstalkd HOST:PORT one SECONDS                   one producer that waits for each answer, no worker
//   few gkick|beanstalkd HOST:PORT idle COUNT                    one job at a time to an idle worker, 5 ms apart
// HOST:PORT,HOST:PORT: the producer's server and the worker's.
// Prints "jobs N seconds S p50 MICROSECONDS p99 ... p999 ...": of `one` from a call to its answer, else from when a job was to be sent until the worker has it.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <map>
#include <memory>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "gkick/v1/job_service.pb.h"
#include "gkick/v1/worker_service.pb.h"

using namespace gkick::v1;

static int64_t now() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] static void fail(const std::string &what) {
  fprintf(stderr, "few: %s\n", what.c_str());
  exit(1);
}

// A payload of 128 bytes that begins with the time from which the job counts.
static std::string payload(int64_t time) {
  std::string bytes(128, 'x');
  memcpy(&bytes[0], &time, 8);
  return bytes;
}
static int64_t timeOf(const char *bytes) {
  int64_t time;
  memcpy(&time, bytes, 8);
  return time;
}

struct Link {
  int socket;
  std::string in, out;

  explicit Link(const std::string &address) {
    auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(atoi(address.c_str() + colon + 1));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    socket = ::socket(AF_INET, SOCK_STREAM, 0);
    if (connect(socket, (sockaddr *)&to, sizeof to) != 0) fail("cannot connect to " + address);
    int one = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(socket, F_SETFL, O_NONBLOCK);
  }
  virtual ~Link() { close(socket); }

  void flush() {
    while (!out.empty()) {
      ssize_t count = write(socket, out.data(), out.size());
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) fail("the connection broke");
      out.erase(0, count);
    }
  }
  void fill() {
    char buffer[65536];
    while (true) {
      ssize_t count = read(socket, buffer, sizeof buffer);
      if (count < 0 && errno == EAGAIN) break;
      if (count <= 0) fail("the server closed the connection");
      in.append(buffer, count);
      if (count < (ssize_t)sizeof buffer) break;
    }
    parse();
  }
  virtual void parse() = 0;
};

// One HTTP/2 connection. What was given to `data` waits until the server's windows let it go.
struct Http2 : Link {
  uint32_t nextStream = 1;
  int64_t window = 65535, initial = 65535, received = 0;
  size_t maxStreams = 100;
  std::map<uint32_t, int64_t> windows;
  std::deque<std::pair<uint32_t, std::string>> waiting;

  explicit Http2(const std::string &address) : Link(address) {
    out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    frame(4, 0, 0, std::string("\0\4\x7f\xff\xff\xff", 6));
    frame(8, 0, 0, std::string("\x7f\0\0\0", 4));
  }

  void frame(int type, int flags, uint32_t stream, const std::string &bytes) {
    unsigned char head[9] = {(unsigned char)(bytes.size() >> 16), (unsigned char)(bytes.size() >> 8),
                             (unsigned char)bytes.size(), (unsigned char)type, (unsigned char)flags};
    uint32_t id = htonl(stream);
    memcpy(head + 5, &id, 4);
    out.append((char *)head, 9).append(bytes);
  }

  uint32_t call(const char *path) {
    auto text = [](const std::string &value) { return std::string(1, char(value.size())) + value; };
    std::string block = "\x83\x86";
    block += '\x04' + text(path) + '\x01' + text("localhost") + "\x0f\x10" + text("application/grpc") + std::string(1, '\0') +
             text("te") + text("trailers");
    uint32_t stream = nextStream;
    nextStream += 2;
    windows[stream] = initial;
    frame(1, 4, stream, block);
    return stream;
  }

  void message(uint32_t stream, const google::protobuf::MessageLite &message, bool last) {
    std::string bytes = message.SerializeAsString();
    uint32_t size = htonl(bytes.size());
    bytes.insert(0, std::string("\0", 1) + std::string((char *)&size, 4));
    waiting.emplace_back(stream, (last ? '\1' : '\0') + bytes);
    release();
  }

  void release() {
    while (!waiting.empty()) {
      auto &[stream, bytes] = waiting.front();
      int64_t size = bytes.size() - 1;
      if (window < size || windows[stream] < size) return;
      window -= size;
      windows[stream] -= size;
      frame(0, bytes[0], stream, bytes.substr(1));
      if (bytes[0]) windows.erase(stream);
      waiting.pop_front();
    }
  }

  void parse() override {
    size_t at = 0;
    while (in.size() - at >= 9) {
      auto head = (const unsigned char *)in.data() + at;
      size_t size = head[0] << 16 | head[1] << 8 | head[2];
      if (in.size() - at < 9 + size) break;
      auto number = [](const unsigned char *p) { return uint32_t(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3]; };
      uint32_t stream = number(head + 5) & 0x7fffffff;
      const unsigned char *body = head + 9;
      switch (head[3]) {
        case 0:
          received += size;
          if (received > 1 << 20) {
            uint32_t more = htonl(received);
            frame(8, 0, 0, std::string((char *)&more, 4));
            received = 0;
          }
          data(stream, std::string((const char *)body, size));
          break;
        case 1:
          if (head[4] & 1) ended(stream);
          break;
        case 3: fail("a stream was reset");
        case 4:
          if (head[4] & 1) break;
          for (size_t i = 0; i + 6 <= size; i += 6)
            if (body[i + 1] == 3) {
              maxStreams = number(body + i + 2);
            } else if (body[i + 1] == 4) {
              for (auto &entry : windows) entry.second += number(body + i + 2) - initial;
              initial = number(body + i + 2);
            }
          frame(4, 1, 0, "");
          break;
        case 6:
          if (!(head[4] & 1)) frame(6, 1, 0, std::string((const char *)body, size));
          break;
        case 7: fail("the server sent GOAWAY");
        case 8:
          if (stream == 0) window += number(body);
          else if (windows.count(stream)) windows[stream] += number(body);
          release();
          break;
      }
      at += 9 + size;
    }
    in.erase(0, at);
  }
  virtual void data(uint32_t stream, std::string bytes) = 0;
  virtual void ended(uint32_t stream) = 0;
};

// What is measured.
struct Figures {
  std::vector<int64_t> times;
  long stored = 0, done = 0;
};

struct Producer {
  virtual ~Producer() = default;
  virtual Link &link() = 0;
  virtual void put(int64_t time) = 0;
};

struct GKickProducer : Http2, Producer {
  Figures &figures;
  bool relaxed;
  std::map<uint32_t, bool> answered;
  // Those that have to wait for a stream.
  std::deque<int64_t> later;

  GKickProducer(const std::string &address, Figures &figures, bool relaxed) : Http2(address), figures(figures), relaxed(relaxed) {}
  Link &link() override { return *this; }
  void put(int64_t time) override {
    if (answered.size() >= maxStreams) return later.push_back(time);
    EnqueueRequest request;
    request.mutable_job()->set_queue("few");
    request.mutable_job()->set_name("noop");
    request.mutable_job()->set_payload(payload(time));
    request.set_durability(relaxed ? DURABILITY_RELAXED : DURABILITY_SYNCED);
    uint32_t stream = call("/gkick.v1.JobService/Enqueue");
    answered[stream] = false;
    message(stream, request, true);
  }
  void data(uint32_t stream, std::string) override { answered[stream] = true; }
  void ended(uint32_t stream) override {
    if (!answered[stream]) fail("an enqueue was refused");
    answered.erase(stream);
    figures.stored++;
    if (later.empty()) return;
    int64_t time = later.front();
    later.pop_front();
    put(time);
  }
};

struct GKickWorker : Http2 {
  Figures &figures;
  uint32_t stream;
  std::string rest;
  uint32_t unread = 0;

  GKickWorker(const std::string &address, Figures &figures) : Http2(address), figures(figures) {
    stream = call("/gkick.v1.WorkerService/Work");
    WorkRequest request;
    request.mutable_hello()->add_queues()->set_queue("few");
    request.mutable_hello()->set_max_in_flight(100);
    message(stream, request, false);
  }
  void data(uint32_t, std::string bytes) override {
    int64_t at = now();
    rest += bytes;
    while (rest.size() >= 5) {
      auto head = (const unsigned char *)rest.data();
      size_t size = uint32_t(head[1]) << 24 | head[2] << 16 | head[3] << 8 | head[4];
      if (rest.size() < 5 + size) break;
      WorkResponse response;
      if (!response.ParseFromArray(rest.data() + 5, size)) fail("not a WorkResponse");
      rest.erase(0, 5 + size);
      figures.done += response.results_size();
      if (response.jobs_size() == 0) continue;
      WorkRequest request;
      request.set_ack_seq(response.seq());
      for (auto &job : response.jobs()) {
        figures.times.push_back(at - timeOf(job.payload().data()));
        auto *outcome = request.add_outcomes();
        *outcome->mutable_lease() = job.lease();
        outcome->mutable_success();
      }
      message(stream, request, false);
    }
    // The stream's own window, now and then, as other clients do.
    unread += bytes.size();
    if (unread < 1 << 20) return;
    uint32_t more = htonl(unread);
    frame(8, 0, stream, std::string((char *)&more, 4));
    unread = 0;
  }
  void ended(uint32_t) override { fail("the worker's stream ended"); }
};

struct BeanstalkProducer : Link, Producer {
  Figures &figures;
  BeanstalkProducer(const std::string &address, Figures &figures) : Link(address), figures(figures) {}
  Link &link() override { return *this; }
  void put(int64_t time) override { out += "put 0 0 120 128\r\n" + payload(time) + "\r\n"; }
  void parse() override {
    size_t end;
    while ((end = in.find("\r\n")) != std::string::npos) {
      if (in.compare(0, 8, "INSERTED") != 0) fail(in.substr(0, end));
      figures.stored++;
      in.erase(0, end + 2);
    }
  }
};

// Reserves one job after the other and has asked for the next before it deletes the last.
struct BeanstalkWorker : Link {
  Figures &figures;
  explicit BeanstalkWorker(const std::string &address, Figures &figures) : Link(address), figures(figures) { out = "reserve\r\n"; }
  void parse() override {
    size_t end;
    while ((end = in.find("\r\n")) != std::string::npos) {
      if (in.compare(0, 7, "DELETED") == 0) {
        figures.done++;
        in.erase(0, end + 2);
        continue;
      }
      char id[32];
      unsigned long size;
      if (sscanf(in.c_str(), "RESERVED %31s %lu", id, &size) != 2) fail(in.substr(0, end));
      if (in.size() < end + 2 + size + 2) return;
      figures.times.push_back(now() - timeOf(in.data() + end + 2));
      in.erase(0, end + 2 + size + 2);
      out += "delete " + std::string(id) + "\r\nreserve\r\n";
    }
  }
};

static void turn(std::vector<Link *> links, int64_t until) {
  pollfd polls[2];
  for (size_t i = 0; i < links.size(); i++) {
    links[i]->flush();
    polls[i] = {links[i]->socket, short(POLLIN | (links[i]->out.empty() ? 0 : POLLOUT)), 0};
  }
  int64_t left = std::max<int64_t>(0, until - now());
  timespec time{left / 1000000, (left % 1000000) * 1000};
  ppoll(polls, links.size(), &time, nullptr);
  for (size_t i = 0; i < links.size(); i++) {
    if (polls[i].revents & POLLIN) links[i]->fill();
    links[i]->flush();
  }
}

int main(int count, char **arguments) {
  if (count < 5) fail("usage: few gkick|beanstalkd HOST:PORT open RATE SECONDS [relaxed] | one SECONDS | idle COUNT");
  std::string kind = arguments[1], address = arguments[2], what = arguments[3];
  auto comma = address.find(',');
  std::string workersAddress = comma == std::string::npos ? address : address.substr(comma + 1);
  address = address.substr(0, comma);
  bool relaxed = count > 6 && std::string(arguments[6]) == "relaxed";
  Figures figures;
  std::unique_ptr<Producer> producer;
  std::unique_ptr<Link> worker;
  if (kind == "gkick") producer = std::make_unique<GKickProducer>(address, figures, relaxed);
  else producer = std::make_unique<BeanstalkProducer>(address, figures);
  std::vector<Link *> links{&producer->link()};
  if (what != "one") {
    if (kind == "gkick") worker = std::make_unique<GKickWorker>(workersAddress, figures);
    else worker = std::make_unique<BeanstalkWorker>(workersAddress, figures);
    links.push_back(worker.get());
  }
  for (int64_t end = now() + 300000; now() < end;) turn(links, end);

  int64_t began = now();
  long jobs = 0;
  if (what == "open") {
    double rate = atof(arguments[4]);
    jobs = long(rate * atof(arguments[5]));
    for (long next = 0; next < jobs || figures.done < jobs || figures.stored < jobs;) {
      while (next < jobs && now() >= began + int64_t(next * 1e6 / rate)) producer->put(began + int64_t(next++ * 1e6 / rate));
      turn(links, next < jobs ? began + int64_t(next * 1e6 / rate) : now() + 100000);
    }
  } else if (what == "one") {
    for (int64_t end = began + int64_t(atof(arguments[4]) * 1e6); now() < end; jobs++) {
      int64_t start = now();
      producer->put(start);
      while (figures.stored <= jobs) turn(links, start + 5000000);
      figures.times.push_back(now() - start);
    }
  } else {
    jobs = atol(arguments[4]);
    for (long index = 0; index < jobs; index++) {
      producer->put(now());
      while (figures.done <= index || figures.stored <= index) turn(links, now() + 100000);
      for (int64_t end = now() + 5000; now() < end;) turn(links, end);
    }
  }
  auto &times = figures.times;
  std::sort(times.begin(), times.end());
  auto part = [&](double share) { return times.empty() ? 0 : (long)times[std::min(times.size() - 1, size_t(times.size() * share))]; };
  printf("jobs %ld seconds %.3f p50 %ld p99 %ld p999 %ld\n", jobs, (now() - began) / 1e6, part(0.5), part(0.99), part(0.999));
}
