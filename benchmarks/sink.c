/* A store that costs next to nothing, so that what stands in front of it is what is measured.
 *
 *   sink PORT [PATH HEADERS-FILE BODY-FILE]...
 *
 * One thread, epoll. GET and HEAD of a PATH answer with the file's header lines and body, and honour one Range;
 * the query is not looked at. PUT reads its body and keeps nothing but its length, for a HEAD. POST plays a multipart upload. Signatures are
 * not checked. It listens on 127.0.0.1 and ends when its parent does. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 32768, CONNECTIONS = 65536, WRITTEN = 256 };

struct object { const char *path; char *headers, *body; long length; };
struct written { char path[1024]; long length; };
struct peer {
    int fd, asked_to_write;
    char in[HEAD + 1];
    int held;
    long body_length, body_left;    /* of the request: in all, and still to be read */
    char out[HEAD];
    long out_at, out_length;
    const char *rest;           /* of the answer's body */
    long rest_left;
};

static struct object *objects;
static int object_count, poller, next_written;
static struct written writings[WRITTEN];    /* the last ones */
static struct peer *peers[CONNECTIONS];

static void die(const char *what) { perror(what); exit(1); }

static char *slurp(const char *path, long *length) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    fseek(file, 0, SEEK_END);
    *length = ftell(file);
    rewind(file);
    char *data = malloc(*length + 1);
    if (!data || fread(data, 1, *length, file) != (size_t)*length) die(path);
    data[*length] = 0;
    fclose(file);
    return data;
}

static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':')
            return line + 3 + length + strspn(line + 3 + length, " ");
    return NULL;
}

static void answer(struct peer *p, const char *status, const char *headers, const char *body, long length) {
    p->out_at = 0;
    p->out_length = snprintf(p->out, HEAD, "HTTP/1.1 %s\r\nServer: sink\r\nx-amz-request-id: 1\r\n"
        "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n%sContent-Length: %ld\r\n\r\n", status, headers, length);
    p->rest = body;
    p->rest_left = body ? length : 0;
}

static struct written *written(const char *path) {
    for (struct written *w = writings; w < writings + WRITTEN; w++) if (!strcmp(w->path, path)) return w;
    return NULL;
}

/* A whole object, the beginning of one in parts, or another part of it. */
static void write_down(const char *path, long length, int part) {
    struct written *w = written(path);
    if (!w) {
        w = &writings[next_written++ % WRITTEN];
        snprintf(w->path, sizeof w->path, "%s", path);
        w->length = 0;
    }
    w->length = part ? w->length + length : length;
}

static const char WRITTEN_HEADERS[] = "ETag: \"sink-1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n";

static void answer_read(struct peer *p, const char *path, int head_only) {
    struct object *o = objects;
    while (o < objects + object_count && strcmp(o->path, path)) o++;
    if (o == objects + object_count) {
        struct written *w = head_only ? written(path) : NULL;
        answer(p, w ? "200 OK" : "404 Not Found", WRITTEN_HEADERS, NULL, w ? w->length : 0);
        return;
    }
    long first = 0, last = o->length - 1;
    const char *range = header(p->in, "range");
    char extra[8192];
    if (!range || sscanf(range, "bytes=%ld-%ld", &first, &last) < 1) {
        answer(p, "200 OK", o->headers, head_only ? NULL : o->body, o->length);
        return;
    }
    if (last >= o->length) last = o->length - 1;
    snprintf(extra, sizeof extra, "%sContent-Range: bytes %ld-%ld/%ld\r\n", o->headers, first, last, o->length);
    answer(p, "206 Partial Content", extra, head_only ? NULL : o->body + first, last - first + 1);
}

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
static const char BEGUN[] = XML "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
    "<UploadId>1</UploadId></InitiateMultipartUploadResult>";
static const char COMPLETED[] = XML "<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
    "<ETag>\"sink-1\"</ETag></CompleteMultipartUploadResult>";

/* The request is whole: its body was read. */
static void decide(struct peer *p) {
    char method[16] = "", target[8192] = "";
    sscanf(p->in, "%15s %8191s", method, target);
    char *query = strchr(target, '?');
    if (query) *query++ = 0;
    int begins = query && !strncmp(query, "uploads", 7);
    if (!strcmp(method, "PUT") || begins)
        write_down(target, p->body_length, query && strstr(query, "partNumber="));
    if (!strcmp(method, "PUT"))
        answer(p, "200 OK", "ETag: \"sink-1\"\r\n", NULL, 0);
    else if (!strcmp(method, "POST") && begins)
        answer(p, "200 OK", "", BEGUN, sizeof BEGUN - 1);
    else if (!strcmp(method, "POST"))
        answer(p, "200 OK", "", COMPLETED, sizeof COMPLETED - 1);
    else if (!strcmp(method, "GET") || !strcmp(method, "HEAD"))
        answer_read(p, target, method[0] == 'H');
    else
        answer(p, "204 No Content", "", NULL, 0);
}

/* Whether all that is to be sent went out. */
static int sent(struct peer *p) {
    while (p->out_at < p->out_length || p->rest_left) {
        int more = p->out_at < p->out_length;
        ssize_t n = more ? send(p->fd, p->out + p->out_at, p->out_length - p->out_at,
                                MSG_NOSIGNAL | (p->rest_left ? MSG_MORE : 0))
                         : send(p->fd, p->rest, p->rest_left, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        if (more) p->out_at += n; else { p->rest += n; p->rest_left -= n; }
    }
    return 1;
}

/* Whether a whole request is here; its head stays in `in`, ended by a zero. */
static int received(struct peer *p) {
    for (;;) {
        if (p->body_left) {
            ssize_t n = recv(p->fd, NULL, p->body_left, MSG_TRUNC);  /* read without a copy */
            if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
            p->body_left -= n;
            if (!p->body_left) return 1;
            continue;
        }
        ssize_t n = recv(p->fd, p->in + p->held, HEAD - p->held, 0);
        if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
        p->held += n;
        p->in[p->held] = 0;
        char *end = strstr(p->in, "\r\n\r\n");
        if (!end) { if (p->held == HEAD) return -1; continue; }
        long after = p->in + p->held - end - 4;
        end[2] = 0;
        const char *length = header(p->in, "content-length");
        p->body_length = length ? atol(length) : 0;
        p->body_left = p->body_length - after;
        p->held = 0;
        if (p->body_left <= 0) return 1;
        if (header(p->in, "expect") && send(p->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) < 0) return -1;
    }
}

static void forget(struct peer *p) { peers[p->fd] = NULL; close(p->fd); free(p); }

static void serve(struct peer *p) {
    for (;;) {
        int done = sent(p);
        if (done > 0) {
            int whole = received(p);
            if (whole > 0) { decide(p); continue; }
            if (whole < 0) { forget(p); return; }
        }
        if (done < 0) { forget(p); return; }
        int wants = done == 0;
        if (wants != p->asked_to_write) {
            struct epoll_event event = { .events = wants ? EPOLLOUT : EPOLLIN, .data.fd = p->fd };
            epoll_ctl(poller, EPOLL_CTL_MOD, p->fd, &event);
            p->asked_to_write = wants;
        }
        return;
    }
}

static void welcome(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    if (fd < 0) return;
    if (fd >= CONNECTIONS || !(peers[fd] = calloc(1, sizeof **peers))) { close(fd); return; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    peers[fd]->fd = fd;
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **arguments) {
    if (count < 2 || (count - 2) % 3) { fprintf(stderr, "sink PORT [PATH HEADERS BODY]...\n"); return 2; }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    object_count = (count - 2) / 3;
    objects = calloc(object_count + 1, sizeof *objects);
    for (int i = 0; i < object_count; i++) {
        long ignored;
        objects[i].path = arguments[2 + 3 * i];
        objects[i].headers = slurp(arguments[3 + 3 * i], &ignored);
        objects[i].body = slurp(arguments[4 + 3 * i], &objects[i].length);
    }
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 1024)) die("listen");
    poller = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) welcome(listener);
            else if (peers[events[i].data.fd]) serve(peers[events[i].data.fd]);
        }
    }
}
