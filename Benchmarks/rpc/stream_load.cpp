// The load of the stream benchmark: HTTP/2 frames written by hand, so that the client costs next to nothing beside any server.
//   stream_load PORT IN_FLIGHT SECONDS PACKED     one call of /bench.Echo/Stream, 16-byte messages
// PACKED 1: as many messages in one DATA frame as may go; 0: a DATA frame for each. Prints the messages that came back and the seconds.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

static const size_t messageSize = 16, framed = 5 + messageSize;

static void fail(const char *what) {
  fprintf(stderr, "stream_load: %s\n", what);
  exit(1);
}

static uint32_t number(const unsigned char *bytes) {
  return uint32_t(bytes[0]) << 24 | uint32_t(bytes[1]) << 16 | uint32_t(bytes[2]) << 8 | bytes[3];
}

struct Load {
  int socket;
  long inFlight;
  bool packed;
  std::string out, in;
  long sent = 0, receivedBytes = 0;
  long connectionWindow = 65535, streamWindow = 65535, initialWindow = 65535, maxFrame = 16384;

  void frame(int type, int flags, uint32_t stream, const std::string &payload) {
    unsigned char head[9] = {(unsigned char)(payload.size() >> 16), (unsigned char)(payload.size() >> 8),
                             (unsigned char)payload.size(), (unsigned char)type, (unsigned char)flags};
    uint32_t id = htonl(stream);
    memcpy(head + 5, &id, 4);
    out.append((char *)head, 9).append(payload);
  }

  static std::string field(const char *name, const char *value) {
    std::string text(1, '\0');  // literal, not indexed, new name
    for (const char *part : {name, value}) text.append(1, char(strlen(part))).append(part);
    return text;
  }

  void begin() {
    out += "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    frame(4, 0, 0, std::string("\0\4\x7f\xff\xff\xff", 6));
    frame(8, 0, 0, std::string("\x7f\xf0\0\0", 4));
    frame(1, 4, 1,
          field(":method", "POST") + field(":scheme", "http") + field(":path", "/bench.Echo/Stream") +
              field(":authority", "localhost") + field("content-type", "application/grpc") + field("te", "trailers"));
  }

  long received() const { return receivedBytes / long(framed); }

  void fill() {
    static const std::string one = std::string("\0\0\0\0\x10", 5) + std::string(messageSize, 'm');
    while (out.size() < 65536) {
      long room = std::min({connectionWindow, streamWindow, maxFrame}) / long(framed);
      long count = std::min(inFlight - (sent - received()), packed ? room : std::min(room, 1L));
      // A frame of a few messages where many may go soon is no load but a waste of both sides.
      if (count <= 0) return;
      std::string payload;
      for (long index = 0; index < count; index++) payload += one;
      frame(0, 0, 1, payload);
      sent += count;
      connectionWindow -= payload.size();
      streamWindow -= payload.size();
    }
  }

  void take() {
    size_t at = 0;
    while (in.size() - at >= 9) {
      auto *head = (const unsigned char *)in.data() + at;
      size_t length = head[0] << 16 | head[1] << 8 | head[2];
      if (in.size() - at < 9 + length) break;
      auto *body = head + 9;
      switch (head[3]) {
        case 0: receivedBytes += length; break;
        case 3: fail("the server reset the stream");
        case 7: fail("the server says goodbye");
        case 4:
          if (head[4] & 1) break;
          for (size_t entry = 0; entry + 6 <= length; entry += 6) {
            int id = body[entry] << 8 | body[entry + 1];
            long value = number(body + entry + 2);
            if (id == 5) maxFrame = std::min(value, 16384L);
            if (id == 4) streamWindow += value - initialWindow, initialWindow = value;
          }
          frame(4, 1, 0, "");
          break;
        case 6:
          if (!(head[4] & 1)) frame(6, 1, 0, std::string((const char *)body, 8));
          break;
        case 8: (number(head + 5) == 0 ? connectionWindow : streamWindow) += number(body); break;
      }
      at += 9 + length;
    }
    in.erase(0, at);
  }

  void step(int timeout) {
    pollfd waiting{socket, short(out.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    poll(&waiting, 1, timeout);
    if (waiting.revents & POLLOUT) {
      ssize_t count = write(socket, out.data(), out.size());
      if (count > 0) out.erase(0, count);
      else if (errno != EAGAIN) fail("write");
    }
    if (waiting.revents & (POLLIN | POLLHUP | POLLERR)) {
      char bytes[65536];
      ssize_t count = read(socket, bytes, sizeof bytes);
      if (count == 0) fail("the server closed");
      if (count > 0) in.append(bytes, count), take();
    }
  }
};

int main(int count, char **arguments) {
  if (count != 5) fail("usage: stream_load PORT IN_FLIGHT SECONDS PACKED");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(atoi(arguments[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int descriptor = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (connect(descriptor, (sockaddr *)&address, sizeof address) != 0) fail("connect");
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  Load load{descriptor, atol(arguments[2]), atoi(arguments[4]) == 1, {}, {}};
  load.begin();
  auto began = std::chrono::steady_clock::now();
  double seconds = 0, wanted = atof(arguments[3]);
  while (seconds < wanted) {
    load.fill();
    load.step(100);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
  printf("%ld %.6f\n", load.received(), seconds);
}
