// What wrk does not do: a fixed rate, and bodies of 100 MiB that cost the sender next to nothing. One thread a connection.
//
//   client rate PORT HEADERS TARGET CONNECTIONS RATE SECONDS   GETs at RATE a second in all; latencies in µs
//   client down PORT HEADERS TARGET CONNECTIONS MIB TIMES      downloads of MIB MiB, TIMES on each connection
//   client up   PORT HEADERS TARGET CONNECTIONS MIB TIMES      uploads likewise
// HEADERS are lines, each with CRLF behind it.
// Each prints one line of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20 };
#define SECOND 1000000000ull
#define WARM_UP (SECOND / 4)

struct work { pthread_t thread; uint64_t first, errors, bytes, *latencies; size_t count; };

static enum { RATE, DOWN, UP } mode;
static int port, connections, block_fd;
static double amount, repeat; // RATE: requests a second, seconds; else MiB, times
static uint64_t begin;
static char head[4096];

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval patience = {.tv_sec = 30};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (!connect(fd, (void *)&address, sizeof address)) return fd;
  close(fd);
  return -1;
}

// Reads a response with a Content-Length; returns the bytes of its body, or -1 unless it is a complete 200.
static int64_t read_answer(int fd) {
  char buffer[8192], *end = 0;
  size_t length = 0;
  while (!end) {
    ssize_t got = recv(fd, buffer + length, sizeof buffer - 1 - length, 0);
    if (got <= 0) return -1;
    buffer[length += got] = 0;
    end = strstr(buffer, "\r\n\r\n");
  }
  char *field = strcasestr(buffer, "\r\ncontent-length:");
  if (strncmp(buffer, "HTTP/1.1 200", 12) || !field || field > end) return -1;
  int64_t size = strtoll(field + 17, 0, 10), seen = length - (end + 4 - buffer);
  while (seen < size) { // dropped in the kernel
    int64_t most = size - seen < 4 * MIB ? size - seen : 4 * MIB;
    ssize_t got = recv(fd, 0, most, MSG_TRUNC);
    if (got <= 0) return -1;
    seen += got;
  }
  return size;
}

static int64_t exchange(int fd) {
  size_t length = strlen(head);
  if (send(fd, head, length, MSG_NOSIGNAL) != (ssize_t)length) return -1;
  if (mode == UP) for (uint64_t left = amount * MIB; left;) {
    off_t offset = 0;
    ssize_t sent = sendfile(fd, block_fd, &offset, left < MIB ? left : MIB);
    if (sent <= 0) return -1;
    left -= sent;
  }
  return read_answer(fd);
}

static void *transfer(void *argument) {
  struct work *work = argument;
  int fd = -1;
  for (int i = 0; i < (int)repeat; i++) {
    if (fd < 0) fd = dial();
    int64_t got = fd < 0 ? -1 : exchange(fd);
    if (got >= 0 && (mode == UP || got == (int64_t)(amount * MIB))) { work->bytes += amount * MIB; continue; }
    work->errors++;
    if (fd >= 0) close(fd);
    fd = -1;
  }
  if (fd >= 0) close(fd);
  return 0;
}

// A request that is late because the response before it was late is timed from when it was due, so that a stall is not hidden.
static void *pace(void *argument) {
  struct work *work = argument;
  uint64_t gap = SECOND * connections / amount, end = begin + repeat * SECOND;
  int fd = -1;
  work->latencies = malloc(sizeof *work->latencies * (amount * repeat / connections + 2));
  for (uint64_t due = work->first; due < end; due += gap) {
    uint64_t from = due;
    if (now() < due) {
      struct timespec until = {.tv_sec = due / SECOND, .tv_nsec = due % SECOND};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0)) {}
      from = now();
    }
    if (fd < 0) fd = dial();
    if (fd >= 0 && exchange(fd) >= 0) {
      if (due >= begin + WARM_UP) work->latencies[work->count++] = now() - from;
      continue;
    }
    work->errors++;
    if (fd >= 0) close(fd);
    fd = -1;
  }
  if (fd >= 0) close(fd);
  return 0;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void print(struct work *works, double seconds) {
  uint64_t errors = 0, bytes = 0, *all;
  size_t count = 0;
  for (int i = 0; i < connections; i++) { errors += works[i].errors; bytes += works[i].bytes; count += works[i].count; }
  all = malloc(sizeof *all * (count + 1));
  count = 0;
  for (int i = 0; i < connections; i++) if (works[i].count) {
    memcpy(all + count, works[i].latencies, sizeof *all * works[i].count);
    count += works[i].count;
  }
  qsort(all, count, sizeof *all, compare);
#define QUANTILE(q) (count ? all[(size_t)((count - 1) * (q))] / 1e3 : 0)
  printf("{\"errors\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.4f,\"requests\":%zu,\"p50\":%.1f,\"p99\":%.1f}\n", errors, bytes, seconds, count, QUANTILE(.5), QUANTILE(.99));
}

int main(int count, char **words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  if (count != 8) return 2;
  mode = !strcmp(words[1], "rate") ? RATE : !strcmp(words[1], "down") ? DOWN : UP;
  port = atoi(words[2]);
  connections = atoi(words[5]);
  amount = atof(words[6]);
  repeat = atof(words[7]);
  snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", mode == UP ? "POST" : "GET", words[4], port, words[3]);
  if (mode == UP) snprintf(head + strlen(head), sizeof head - strlen(head), "Content-Type: application/octet-stream\r\nContent-Length: %.0f\r\n", amount * MIB);
  strcat(head, "\r\n");
  block_fd = memfd_create("block", 0);
  if (ftruncate(block_fd, MIB)) return 1;
  memset(mmap(0, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, block_fd, 0), 'e', MIB);

  struct work *works = calloc(connections, sizeof *works);
  uint64_t started = now();
  begin = started + SECOND / 50;
  for (int i = 0; i < connections; i++) {
    works[i].first = begin + (uint64_t)(i * SECOND / (mode == RATE ? amount : 1e9));
    if (pthread_create(&works[i].thread, 0, mode == RATE ? pace : transfer, &works[i])) return 1;
  }
  for (int i = 0; i < connections; i++) pthread_join(works[i].thread, 0);
  print(works, (now() - started) / 1e9);
}
