/* Asks one server the same few requests, a counted number of times, over so many connections.
 *
 *   load ADDRESS CONNECTIONS REQUESTS BODY-BYTES SECONDS HOLD REQUEST-FILE...
 *
 * ADDRESS is a port of 127.0.0.1 or a socket's path. The n-th connection sends the n-th file (modulo their number),
 * then BODY-BYTES of filler. One thread, epoll, a request at a time on each connection, exactly REQUESTS in all
 * unless SECONDS run out first. Prints one line of name=value: latencies are from the first byte sent to the last
 * received. An answer that is not 2xx is failed; the first such one goes to stderr. With HOLD=1 each
 * connection sends one request, one after the other, and all stay open and idle until stdin ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, FILLER = 1 << 20, LONGEST_DISCARD = 1 << 24 };

struct request { char *data; long length; };
struct peer {
    int fd, asked_to_write, answering, status, closing;
    struct request *request;
    long sent, body_left;
    char in[BUFFER + 1];
    long held;
    double began;
};

static struct request *requests;
static int request_count, connections, poller, is_unix, in_turn;
static long wanted, begun, done, failed, body_bytes, received_bytes;
static char *filler;
static const char *address;
static double *latencies;

static void die(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct request slurp(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    fseek(file, 0, SEEK_END);
    struct request r = { .length = ftell(file) };
    rewind(file);
    r.data = malloc(r.length);
    if (!r.data || fread(r.data, 1, r.length, file) != (size_t)r.length) die(path);
    fclose(file);
    return r;
}

static void watch(struct peer *p, int operation, int wants) {
    struct epoll_event event = { .events = wants ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = p };
    epoll_ctl(poller, operation, p->fd, &event);
    p->asked_to_write = wants;
}

static void join_server(struct peer *p) {
    struct sockaddr_un path = { .sun_family = AF_UNIX };
    struct sockaddr_in port = { .sin_family = AF_INET, .sin_port = htons(atoi(address)) };
    port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    strncpy(path.sun_path, address, sizeof path.sun_path - 1);
    int yes = 1;
    p->fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    if (is_unix ? connect(p->fd, (void *)&path, sizeof path) : connect(p->fd, (void *)&port, sizeof port)) die("connect");
    if (!is_unix) setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(p, EPOLL_CTL_ADD, 0);
}

/* -1 where the connection broke; 1 when all went; 0 when the kernel takes no more now. */
static int send_on(struct peer *p) {
    long total = p->request->length + body_bytes;
    while (p->sent < total) {
        long in_body = p->sent - p->request->length, at = in_body % FILLER;
        int in_head = in_body < 0;
        long left = in_head ? -in_body : (FILLER - at < body_bytes - in_body ? FILLER - at : body_bytes - in_body);
        ssize_t n = send(p->fd, in_head ? p->request->data + p->sent : filler + at, left,
                         MSG_NOSIGNAL | MSG_DONTWAIT | (in_head && body_bytes ? MSG_MORE : 0));
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        p->sent += n;
    }
    return 1;
}

static void begin(struct peer *p) {
    p->sent = p->held = p->answering = 0;
    p->began = now();
    begun++;
}

static void read_head(struct peer *p, char *end) {
    end[2] = 0;
    p->status = atoi(p->in + 9);
    char *length = strcasestr(p->in, "\r\ncontent-length:");
    p->closing = strcasestr(p->in, "\r\nconnection: close") != NULL;
    long after = p->in + p->held - end - 4;
    p->body_left = (length ? atol(length + 17) : 0) - after;
    received_bytes += after;
    p->answering = p->status >= 200;
    if (p->answering && p->status > 299 && !failed++) fprintf(stderr, "%s\n%.*s\n", p->in, (int)(after < 600 ? after : 600), end + 4);
    p->held = 0;
}

/* -1 where the connection broke; 1 when the answer is whole. */
static int receive_on(struct peer *p) {
    for (;;) {
        int discard = p->answering && !is_unix && p->body_left > BUFFER;
        long room = p->answering ? (discard ? LONGEST_DISCARD : BUFFER) : BUFFER - p->held;
        if (p->answering && room > p->body_left) room = p->body_left;
        if (p->answering && p->body_left <= 0) return 1;
        ssize_t n = recv(p->fd, discard ? NULL : p->in + (p->answering ? 0 : p->held), room, MSG_DONTWAIT | (discard ? MSG_TRUNC : 0));
        if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
        if (p->answering) { p->body_left -= n; received_bytes += n; continue; }
        p->held += n;
        p->in[p->held] = 0;
        char *end = strstr(p->in, "\r\n\r\n");
        if (end) read_head(p, end);
    }
}

static void again(struct peer *p) { close(p->fd); join_server(p); }

static void go_on(struct peer *p) {
    for (;;) {
        int went = send_on(p), whole = went < 0 ? -1 : receive_on(p);
        if (whole == 0) {
            if ((went == 0) != p->asked_to_write) watch(p, EPOLL_CTL_MOD, went == 0);
            return;
        }
        if (whole > 0 && went == 0) p->closing = 1;  /* answered before it had the whole body */
        if (whole < 0 && !failed++) fprintf(stderr, "the connection broke\n");
        latencies[done++] = now() - p->began;
        if (whole < 0 || p->closing) again(p);
        p->closing = 0;
        if (begun >= wanted || in_turn) { p->began = 0; if (p->asked_to_write) watch(p, EPOLL_CTL_MOD, 0); return; }
        begin(p);
    }
}

static int compare(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }

int main(int count, char **arguments) {
    if (count < 8) { fprintf(stderr, "load ADDRESS CONNECTIONS REQUESTS BODY-BYTES SECONDS HOLD FILE...\n"); return 2; }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    address = arguments[1];
    is_unix = strchr(address, '/') != NULL;
    connections = atoi(arguments[2]);
    wanted = atol(arguments[3]);
    body_bytes = atol(arguments[4]);
    double until = now() + atof(arguments[5]);
    int hold = in_turn = atoi(arguments[6]);
    request_count = count - 7;
    requests = calloc(request_count, sizeof *requests);
    for (int i = 0; i < request_count; i++) requests[i] = slurp(arguments[7 + i]);
    filler = malloc(FILLER);
    for (int i = 0; i < FILLER; i++) filler[i] = i * 2654435761u >> 13;
    latencies = calloc(wanted + connections + 1, sizeof *latencies);
    poller = epoll_create1(0);
    struct peer *peers = calloc(connections, sizeof *peers);
    for (int i = 0; i < connections; i++) { peers[i].request = &requests[i % request_count]; join_server(&peers[i]); }
    double started = now();
    struct epoll_event events[256];
    for (int next = 0; now() < until;) {
        while (next < connections && begun < wanted && (!hold || done == begun)) { begin(&peers[next]); go_on(&peers[next++]); }
        if (done == begun && (next == connections || begun == wanted)) break;
        int ready = epoll_wait(poller, events, 256, done == begun ? 0 : 200);
        for (int i = 0; i < ready; i++) {
            struct peer *p = events[i].data.ptr;
            if (p->began > 0) go_on(p);
            else if (recv(p->fd, p->in, 1, MSG_PEEK | MSG_DONTWAIT) == 0) epoll_ctl(poller, EPOLL_CTL_DEL, p->fd, NULL);
        }
    }
    double seconds = now() - started;
    qsort(latencies, done, sizeof *latencies, compare);
    printf("done=%ld failed=%ld unfinished=%ld seconds=%.6f bytes=%ld p50_us=%.1f p99_us=%.1f\n", done, failed, wanted - done,
           seconds, received_bytes, done ? latencies[done / 2] * 1e6 : 0, done ? latencies[done * 99 / 100] * 1e6 : 0);
    fflush(stdout);
    while (hold && getchar() != EOF) {}
    return failed || done < wanted;
}
