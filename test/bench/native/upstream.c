// The upstream of the benchmark: one thread, epoll, as little CPU a request as possible, so that what is measured is the proxy before it.
// Each request must carry exactly one Authorization header, and it must be "Bearer $TOKEN"; otherwise it gets 401 and is counted.
//
//   GET  …/ping            200 and about 200 bytes of JSON
//   GET  …/large?mib=N     200 and N MiB
//   GET  …/hold            never gets a response
//   GET  …/available-times 200 and a quota, which the proxy may read now and then
//   POST anything          200 once the whole body (Content-Length only) is here
//   POST|PUT …/v2/token    a token response with $TOKEN, for a proxy that fetches its own
//   GET  /counters         the counters, for the harness
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PREFIX "/amsu-analysis/v2/"
#define JSON "Content-Type: application/json; charset=utf-8\r\n"
enum { BLOCK = 1 << 20, ROOM = 16384 };
enum phase { READING_HEAD, READING_BODY, HOLDING, RESPONDING };

struct connection {
  int fd;
  enum phase phase;
  int is_trusted, has_body, is_last, waits_for_room;
  uint64_t body_left, body_bytes, block_left, block_sent;
  const char *response;
  size_t response_length, response_sent, length;
  char target[128], own[1024], buffer[ROOM];
};

static struct { uint64_t responded, refused, received, held; } counters;
static char expected[128], ping[1024];
static int poll_fd, block_fd;

static void forget(struct connection *c) {
  if (c->phase == HOLDING) counters.held--;
  close(c->fd);
  free(c);
}

static void watch(struct connection *c, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(poll_fd, operation, c->fd, &event);
}

static void write_answer(struct connection *c, const char *status, const char *body) {
  c->response_length = snprintf(c->own, sizeof c->own, "HTTP/1.1 %s\r\n" JSON "Content-Length: %zu\r\n%s\r\n%s", status, strlen(body), c->is_last ? "Connection: close\r\n" : "", body);
  c->response = c->own;
}

static int asks_for(const struct connection *c, const char *path) {
  return !strncmp(c->target, path, strlen(path));
}

static void choose_answer(struct connection *c) {
  char body[640];
  c->phase = RESPONDING;
  c->response_sent = c->block_left = c->block_sent = 0;
  if (asks_for(c, "/counters")) {
    snprintf(body, sizeof body, "{\"responded\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"received\":%" PRIu64 ",\"held\":%" PRIu64 "}", counters.responded, counters.refused, counters.received, counters.held);
    write_answer(c, "200 OK", body);
  } else if (asks_for(c, PREFIX "token")) {
    snprintf(body, sizeof body, "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":86400,\"refresh_token\":\"refresh-%s\"}", expected + 7, expected + 7);
    write_answer(c, "200 OK", body);
  } else if (!c->is_trusted) {
    counters.refused++;
    write_answer(c, "401 Unauthorized", "{\"error\":{\"code\":\"COMMON.INVALID_CREDENTIALS\",\"msg\":\"wrong token\"}}");
  } else if (asks_for(c, PREFIX "hold")) {
    c->phase = HOLDING;
    counters.held++;
  } else {
    counters.responded++;
    if (asks_for(c, PREFIX "available-times")) {
      write_answer(c, "200 OK", "{\"arrhythmia_analysis\":1000,\"hrv_analysis\":-1,\"health_analysis\":1000,\"calorie_analysis\":1000}");
    } else if (c->has_body) {
      snprintf(body, sizeof body, "{\"received\":%" PRIu64 "}", c->body_bytes);
      write_answer(c, "200 OK", body);
    } else if (asks_for(c, PREFIX "large?mib=")) {
      c->block_left = strtoull(c->target + strlen(PREFIX "large?mib="), 0, 10) * BLOCK;
      c->response_length = snprintf(c->own, sizeof c->own, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %" PRIu64 "\r\n\r\n", c->block_left);
      c->response = c->own;
    } else {
      c->response = ping;
      c->response_length = strlen(ping);
    }
  }
}

// Whether the head in front of the buffer could be read; it ends with an empty line.
static int read_head(struct connection *c, char *end) {
  int authorizations = 0, is_right = 0;
  char *line_end = memmem(c->buffer, end - c->buffer, "\r\n", 2);
  char *blank = memchr(c->buffer, ' ', line_end - c->buffer);
  char *second = blank ? memchr(blank + 1, ' ', line_end - blank - 1) : 0;
  if (!second || (size_t)(second - blank) > sizeof c->target) return 0;
  memcpy(c->target, blank + 1, second - blank - 1);
  c->target[second - blank - 1] = 0;
  c->has_body = memcmp(c->buffer, "GET ", 4) != 0;
  c->is_last = c->body_left = c->body_bytes = 0;
  for (char *line = line_end + 2; line < end; line = line_end + 2) {
    line_end = memmem(line, end - line, "\r\n", 2);
    char *colon = memchr(line, ':', line_end - line);
    if (!colon) return 0;
    char *value = colon + 1 + strspn(colon + 1, " ");
    size_t name = colon - line, size = line_end - value;
    if (name == 13 && !strncasecmp(line, "authorization", name)) {
      authorizations++;
      is_right = size == strlen(expected) && !memcmp(value, expected, size);
    } else if (name == 14 && !strncasecmp(line, "content-length", name)) c->body_left = strtoull(value, 0, 10);
    else if (name == 17 && !strncasecmp(line, "transfer-encoding", name)) return 0;
    else if (name == 10 && !strncasecmp(line, "connection", name)) c->is_last = size == 5 && !strncasecmp(value, "close", size);
  }
  c->is_trusted = authorizations == 1 && is_right;
  return 1;
}

// Sends what is left; 1 when all is sent, 0 when the socket is full, -1 when the connection is gone.
static int send_answer(struct connection *c) {
  while (c->response_sent < c->response_length || c->block_left) {
    ssize_t sent;
    if (c->response_sent < c->response_length) {
      sent = send(c->fd, c->response + c->response_sent, c->response_length - c->response_sent, MSG_NOSIGNAL | (c->block_left ? MSG_MORE : 0));
      if (sent > 0) c->response_sent += sent;
    } else {
      off_t offset = c->block_sent % BLOCK;
      uint64_t most = BLOCK - offset;
      sent = sendfile(c->fd, block_fd, &offset, most < c->block_left ? most : c->block_left);
      if (sent > 0) { c->block_left -= sent; c->block_sent += sent; }
    }
    if (sent > 0) continue;
    if (sent == 0 || errno != EAGAIN) { forget(c); return -1; }
    if (!c->waits_for_room) watch(c, EPOLL_CTL_MOD, EPOLLOUT);
    c->waits_for_room = 1;
    return 0;
  }
  if (c->is_last) { forget(c); return -1; }
  if (c->waits_for_room) watch(c, EPOLL_CTL_MOD, EPOLLIN);
  c->waits_for_room = 0;
  c->phase = READING_HEAD;
  return 1;
}

static void consume(struct connection *c, size_t bytes) {
  c->length -= bytes;
  memmove(c->buffer, c->buffer + bytes, c->length);
}

static void proceed(struct connection *c) {
  for (;;) {
    if (c->phase == READING_HEAD) {
      char *empty = memmem(c->buffer, c->length, "\r\n\r\n", 4);
      if (!empty && c->length < ROOM) return;
      if (!empty || !read_head(c, empty + 2)) { forget(c); return; }
      consume(c, empty + 4 - c->buffer);
      c->phase = READING_BODY;
    }
    if (c->phase == READING_BODY) {
      size_t bytes = c->length < c->body_left ? c->length : c->body_left;
      c->body_left -= bytes;
      c->body_bytes += bytes;
      counters.received += bytes;
      consume(c, bytes);
      if (c->body_left) return;
      choose_answer(c);
    }
    if (c->phase == HOLDING || send_answer(c) != 1) return;
  }
}

static void receive(struct connection *c) {
  // A body is dropped in the kernel (MSG_TRUNC on TCP), which spares its copy.
  int is_body = c->phase == READING_BODY && c->length == 0;
  size_t most = is_body ? (c->body_left < 4 * BLOCK ? c->body_left : 4 * BLOCK) : ROOM - c->length;
  ssize_t got = recv(c->fd, is_body ? 0 : c->buffer + c->length, most, is_body ? MSG_TRUNC : 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { forget(c); return; }
  if (is_body) {
    c->body_left -= got;
    c->body_bytes += got;
    counters.received += got;
    if (c->body_left) return;
  } else c->length += got;
  proceed(c);
}

static void take_all(int listener) {
  int fd, one = 1;
  while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
  }
}

int main(void) {
  const char *token = getenv("TOKEN");
  static const char body[] = "{\"service\":\"analysis\",\"state\":\"done\",\"findings\":[{\"kind\":\"sinus rhythm\",\"share\":0.9471},{\"kind\":\"atrial ectopy\",\"share\":0.0529}],\"beats\":38213,\"quality\":\"good\",\"next\":null}\n";
  if (!token) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL); // it does not outlive the harness
  snprintf(expected, sizeof expected, "Bearer %s", token);
  snprintf(ping, sizeof ping, "HTTP/1.1 200 OK\r\nServer: upstream\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n" JSON "Cache-Control: no-store\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
  block_fd = memfd_create("block", 0);
  if (ftruncate(block_fd, BLOCK)) return 1;
  memset(mmap(0, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, block_fd, 0), 'e', BLOCK);

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, (void *)&address, size) || listen(listener, 4096) || getsockname(listener, (void *)&address, &size)) return 1;
  poll_fd = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = 0}, events[256];
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(poll_fd, events, 256, -1);
    for (int i = 0; i < count; i++) {
      struct connection *c = events[i].data.ptr;
      if (!c) take_all(listener);
      else if (c->phase != RESPONDING) receive(c);
      else if (send_answer(c) == 1) proceed(c);
    }
  }
}
