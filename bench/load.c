/* The load generator: one run is one measurement of one chat server on 127.0.0.1, printed as one line of JSON.
 *
 *     load PID PORT PROTOCOL MODE READERS AUTHORS LINES SECONDS [PAYLOAD]
 *
 * PID is the server's process, for its CPU time. PROTOCOL is chat (lines, and each newcomer is greeted), lines (no
 * greeting), ncat, redis, nats, irc or ws (JSON in WebSocket frames, and each newcomer is greeted). Authors hear each
 * other, but never themselves, but for ws, where they do; Redis publishers hear nothing.
 * Compiled with -DTLS, it speaks that over TLS, with whoever answers. What it counts is the text within.
 * At the end each connection must have heard all lines that were said for it, and no others.
 *
 *     closed   LINES are in flight all the time: sent, but not yet at all who should hear them
 *     open     LINES a second are sent at fixed times, however late the server is
 *     idle     READERS connect; "ready" is printed, and a byte on standard input ends it
 *     storm    READERS join as fast as they can, and each hears of all who join after it (chat only)
 *     rooms    as closed, but each author is in a room of its own, with its share of the readers (not ncat): a Redis
 *              channel, a NATS subject, an IRC channel; not for ws
 *
 * One thread, which sleeps in epoll_wait when there is nothing to do: "generator" is the share of the measured time
 * that it was on its core, so that one sees whether it was the bottleneck; "waited" tells how much others had of the two
 * cores.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#define SECOND 1000000000ull /* All times are in nanoseconds. */
#define MILLISECOND 1000000ull
#define WARM_UP (SECOND / 2)
#define DRAIN (5 * SECOND) /* For lines that are still on their way at the end. */
#define QUIET (SECOND / 4) /* Nothing has come for so long: nothing is on its way. */

/* Each payload holds this byte once, so deliveries are counted in any framing. No server puts it anywhere itself: IRC
 * has a tilde in each user name. The scheduled time of sending follows, in hexadecimal. */
#define MARKER '^'
#define STAMP 16

#define ROOM 6 /* Digits of a room's number: all names of rooms are equally long. */

#define RECEIVE (256 * 1024)
#define EVENTS 1024

/* WebSocket: each frame that tells of an event holds this once. */
#define EVENT "{\"event\""
#define ACKNOWLEDGE 256 /* Frames. */

enum protocol { CHAT, LINES, NCAT, REDIS, NATS, IRC, WS };
static const char *const PROTOCOLS[] = {"chat", "lines", "ncat", "redis", "nats", "irc", "ws"};

struct connection {
    int fd;
#ifdef TLS
    SSL *ssl;
#endif
    bool hears; /* Gets what others say. */
    bool ready; /* The server has answered the hello. */
    bool upgraded; /* The server speaks WebSocket, and has got the hello. */
    uint64_t seen, said;
    uint64_t frames, acknowledged; /* WebSocket: events since the greeting. */
    char tail[STAMP]; /* The last bytes that came: a word or a time stamp may be cut in two. */
    size_t tail_size;
    char *out; /* What the socket did not take yet. */
    size_t out_from, out_to, out_room;
};

static enum protocol protocol;
static uint16_t port;
static struct connection *connections;
static size_t members, readers, authors, opened, ready;
static int poller, timer;
static bool rooms;       /* Each author has a room of its own. */
static bool watch_words; /* Look at what comes, not only count it. */
static char counted = MARKER;
static uint64_t deliveries; /* Counted bytes that have come. */
static uint64_t received;   /* All bytes that have come. */
static uint64_t ticks;      /* Lines due in the open loop. */
static char line[8192];
static size_t line_size, stamp_at;
static size_t room_at; /* Where `line` has the number of the author's room; 0: nowhere. */

static struct samples {
    uint64_t from, to; /* Lines that were due within. */
    uint64_t *times;
    size_t size, room;
} samples;

static _Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void *check(void *memory) {
    if (!memory) fail("out of memory");
    return memory;
}

static uint64_t clock_ns(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time)) fail("the server is gone");
    return time.tv_sec * SECOND + time.tv_nsec;
}

static uint64_t now(void) { return clock_ns(CLOCK_MONOTONIC); }

static size_t count(const char *data, size_t size, char byte) {
    typedef int8_t vector __attribute__((vector_size(16), aligned(1), may_alias));
    vector wanted = (vector){0} + byte;
    size_t total = 0, i = 0;
    while (size - i >= 16) {
        size_t steps = (size - i) / 16;
        vector sum = {0};
        if (steps > 127) steps = 127; /* A lane counts down to -128. */
        for (size_t end = i + steps * 16; i < end; i += 16) sum += *(const vector *)(data + i) == wanted;
        for (int lane = 0; lane < 16; lane++) total -= sum[lane];
    }
    for (; i < size; i++) total += data[i] == byte;
    return total;
}

/* The connection itself. Both return how many bytes, or -1 and EAGAIN where there is nothing to do now. */

#ifdef TLS

static void begin(struct connection *c) {
    static SSL_CTX *context;
    if (!context) {
        context = check(SSL_CTX_new(TLS_client_method()));
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    }
    c->ssl = check(SSL_new(context));
    SSL_set_fd(c->ssl, c->fd);
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK)) fail("fcntl: %s", strerror(errno));
    /* What comes next goes on with the handshake: one after the other, newcomers would be announced one by one. */
    if (SSL_connect(c->ssl) == 0) fail("TLS: %s", ERR_reason_error_string(ERR_get_error()));
}

static ssize_t outcome(struct connection *c, int size) {
    if (size > 0) return size;
    int error = SSL_get_error(c->ssl, size);
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static ssize_t put(struct connection *c, const char *data, size_t size) {
    ERR_clear_error();
    return outcome(c, SSL_write(c->ssl, data, size));
}

/* A record at a time: a whole one is taken from the socket, so that epoll tells of the next. */
static ssize_t take(struct connection *c, char *data, size_t size) {
    ERR_clear_error();
    return outcome(c, SSL_read(c->ssl, data, size));
}

#else

static void begin(struct connection *c) { (void)c; }

static ssize_t put(struct connection *c, const char *data, size_t size) {
    return send(c->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t take(struct connection *c, char *data, size_t size) { return recv(c->fd, data, size, MSG_DONTWAIT); }

#endif

/* Sending. */

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event)) fail("epoll_ctl: %s", strerror(errno));
}

static void queue(struct connection *c, const char *data, size_t size) {
    if (c->out_to + size > c->out_room) {
        c->out_room = 2 * (c->out_to + size);
        c->out = check(realloc(c->out, c->out_room));
    }
    memcpy(c->out + c->out_to, data, size);
    c->out_to += size;
}

/* Called with `blocked`: the socket was full, and epoll says it is not any more. */
static void flush(struct connection *c, bool blocked) {
    if (c->out_from && !blocked) return;
    while (c->out_from < c->out_to) {
        ssize_t size = put(c, c->out + c->out_from, c->out_to - c->out_from);
        if (size < 0 && errno != EAGAIN) fail("the server closed a connection: %s", strerror(errno));
        if (size < 0) {
            if (!blocked) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        c->out_from += size;
    }
    c->out_from = c->out_to = 0;
    if (blocked) watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

/* What Redis, NATS and IRC call a channel or a subject, and the chat a room. */
static size_t put_channel(char *text, size_t room) {
    return rooms ? sprintf(text, "room%0*zu", ROOM, room) : sprintf(text, "chat");
}

/* A frame with `text`, masked by a key of zeros, which leaves it as it is. */
static size_t put_frame(char *frame, const char *text, size_t size) {
    size_t header = 0;
    frame[header++] = (char)0x81;
    if (size < 126) {
        frame[header++] = (char)(0x80 | size);
    } else {
        frame[header++] = (char)(0x80 | 126);
        frame[header++] = (char)(size >> 8);
        frame[header++] = (char)size;
    }
    memset(frame + header, 0, 4);
    header += 4;
    memcpy(frame + header, text, size);
    return header + size;
}

static void queue_frame(struct connection *c, const char *text) {
    char frame[128];
    queue(c, frame, put_frame(frame, text, strlen(text)));
}

static void make_line(size_t payload) {
    char channel[32];
    size_t channel_size = put_channel(channel, 0);
    const char *end = protocol < REDIS ? "\n" : "\r\n";
    if (payload < 1 + STAMP || payload > sizeof line - 100) fail("a payload has %d to 8000 bytes", 1 + STAMP);
    if (protocol == REDIS)
        line_size = sprintf(line, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n", channel_size, channel, payload);
    else if (protocol == NATS)
        line_size = sprintf(line, "PUB %s %zu\r\n", channel, payload);
    else if (protocol == IRC)
        line_size = sprintf(line, "PRIVMSG #%s :", channel);
    else if (protocol == WS)
        line_size = sprintf(line, "{\"room\": \"lobby\", \"say\": \"");
    if (rooms && line_size) room_at = strstr(line, channel) + channel_size - ROOM - line;
    line[line_size] = MARKER;
    stamp_at = line_size + 1;
    memset(line + stamp_at, 'x', payload - 1);
    line_size += payload;
    if (protocol == WS) {
        char text[sizeof line];
        line_size += sprintf(line + line_size, "\"}");
        memcpy(text, line, line_size);
        size_t size = put_frame(line, text, line_size);
        stamp_at += size - line_size;
        line_size = size;
    } else {
        line_size += sprintf(line + line_size, "%s", end);
    }
}

static void say(struct connection *author, uint64_t time) {
    for (int i = STAMP - 1; i >= 0; i--, time >>= 4) line[stamp_at + i] = "0123456789abcdef"[time & 15];
    size_t room = author - connections - readers;
    for (int i = ROOM - 1; room_at && i >= 0; i--, room /= 10) line[room_at + i] = '0' + room % 10;
    author->said++;
    queue(author, line, line_size);
}

/* Receiving. */

static void sample(const char *data, const char *end) {
    uint64_t time = now();
    while ((data = memchr(data, MARKER, end - data)) && end - data > STAMP) {
        uint64_t due = 0;
        for (int i = 1; i <= STAMP; i++) due = due << 4 | (data[i] <= '9' ? data[i] - '0' : data[i] - 'a' + 10);
        data += 1 + STAMP;
        if (due < samples.from || due >= samples.to) continue;
        if (samples.size == samples.room) {
            samples.room = samples.room ? 2 * samples.room : 1 << 20;
            samples.times = check(realloc(samples.times, samples.room * sizeof *samples.times));
        }
        samples.times[samples.size++] = time - due;
    }
}

static bool came(const struct connection *c, const char *data, const char *end, const char *word) {
    size_t size = strlen(word);
    if (c->tail_size >= size) data += c->tail_size - size + 1; /* It had come before. */
    return memmem(data, end - data, word, size) != NULL;
}

static void set_ready(struct connection *c) {
    ready += !c->ready;
    c->ready = true;
}

static size_t room_of(const struct connection *c) {
    size_t number = c - connections;
    return number < readers ? number % authors : number - readers;
}

static void acknowledge(struct connection *c) {
    char text[64];
    sprintf(text, "{\"ack\": %" PRIu64 "}", c->frames);
    queue_frame(c, text);
    c->acknowledged = c->frames;
    flush(c, false);
}

/* WebSocket: `data` begins with the tail of what came before. */
static void look_at_frames(struct connection *c, const char *data, const char *end) {
    if (!c->upgraded) {
        if (!came(c, data, end, "\r\n\r\n")) return;
        queue_frame(c, "{\"hello\": 1}");
        flush(c, false);
        c->upgraded = true;
    }
    size_t size = strlen(EVENT);
    if (c->tail_size >= size) data += c->tail_size - size + 1; /* It had come before. */
    while ((data = memmem(data, end - data, EVENT, size))) {
        data += size;
        if (c->ready) c->frames++;
        set_ready(c); /* The first one is the greeting. */
    }
}

/* `data` begins with the tail of what came before. */
static void look(struct connection *c, const char *data, const char *end) {
    if (protocol == IRC || protocol == NATS) {
        if (came(c, data, end, "PING")) {
            const char *answer = protocol == IRC ? "PONG bench\r\n" : "PONG\r\n";
            queue(c, answer, strlen(answer));
        }
        if (protocol == NATS && !c->ready && came(c, data, end, "PONG")) set_ready(c);
        if (protocol == IRC && !c->ready && came(c, data, end, " 001 ")) {
            char text[64] = "JOIN #";
            put_channel(text + strlen(text), rooms ? room_of(c) : 0);
            strcat(text, "\r\n");
            queue(c, text, strlen(text));
        }
        if (protocol == IRC && !c->ready && came(c, data, end, " 366 ")) set_ready(c);
        flush(c, false);
    } else if (protocol == WS) {
        bool was_ready = c->ready;
        look_at_frames(c, data, end);
        if (c->ready && !was_ready) acknowledge(c);
    } else {
        set_ready(c);
    }
    if (samples.to) sample(data, end);
    c->tail_size = end - data < STAMP ? end - data : STAMP;
    memcpy(c->tail, end - c->tail_size, c->tail_size);
}

static size_t receive(struct connection *c) {
    static char buffer[STAMP + RECEIVE];
    char *data = buffer + STAMP;
    ssize_t size = take(c, data, RECEIVE);
    if (size < 0 && errno == EAGAIN) return 0;
    if (size <= 0) fail("the server closed a connection: %s", size ? strerror(errno) : "end of file");
    received += size;
    if (c->hears) {
        size_t found = count(data, size, counted);
        c->seen += found;
        deliveries += found;
        if (!watch_words) c->frames += found; /* Nothing else comes then. */
    }
    if (watch_words) {
        memcpy(data - c->tail_size, c->tail, c->tail_size);
        look(c, data - c->tail_size, data + size);
    }
    if (protocol == WS && c->frames - c->acknowledged >= ACKNOWLEDGE) acknowledge(c);
    return size;
}

/* Take what comes within `timeout` milliseconds; returns how many bytes that were. */
static size_t pump(int timeout) {
    static struct epoll_event events[EVENTS];
    int happened = epoll_wait(poller, events, EVENTS, timeout);
    size_t size = 0;
    for (int i = 0; i < happened; i++) {
        struct connection *c = events[i].data.ptr;
        uint64_t due;
        if (!c) {
            if (read(timer, &due, sizeof due) == sizeof due) ticks += due;
            continue;
        }
        if (events[i].events & EPOLLOUT) flush(c, true);
        if (events[i].events & ~EPOLLOUT) size += receive(c);
    }
    return size;
}

/* Joining. */

static void join(void) {
    struct connection *c = &connections[opened++];
    bool reads = opened <= readers;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    char channel[32], text[256] = "";
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0) fail("socket: %s", strerror(errno));
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) fail("connect: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    begin(c);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    c->hears = reads || protocol != REDIS;
    if (protocol == LINES || !c->hears) set_ready(c);
    put_channel(channel, rooms ? room_of(c) : 0);
    if (protocol == REDIS && reads) sprintf(text, "SUBSCRIBE %s\r\n", channel);
    if (protocol == NATS)
        sprintf(text, "CONNECT {\"verbose\":false,\"echo\":false}\r\nSUB %s 1\r\nPING\r\n", channel);
    if (rooms && protocol <= LINES) sprintf(text, "/join %s\n", channel);
    if (protocol == IRC) sprintf(text, "NICK m%zu\r\nUSER bench 0 * :bench\r\n", opened);
    if (protocol == WS)
        sprintf(text,
                "GET /-/ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: chat.json\r\n\r\n",
                port);
    queue(c, text, strlen(text));
    flush(c, false);
}

/* Everybody is in, and all that comes of it has come. */
static void join_all(void) {
    /* Connections that wait to be accepted: ngircd and ncat let 10 wait, past it the kernel makes us wait. */
    size_t wave = protocol == IRC || protocol == NCAT ? 8 : 200;
    while (opened < members) {
        join();
        if (opened % wave && opened < members) continue;
        while (ready < opened) pump(-1);
        if (protocol == LINES) usleep(20000); /* Nothing tells that they were accepted. */
    }
    for (uint64_t quiet = now() + QUIET; now() < quiet;)
        if (pump(10)) quiet = now() + QUIET;
}

/* A line of the first author, or of the first in each room, has reached everybody. */
static void wait_for_first_line(void) {
    size_t speakers = rooms ? authors : 1;
    for (bool all = false; !all;) {
        for (size_t i = readers; i < readers + speakers; i++) {
            say(&connections[i], now());
            flush(&connections[i], false);
        }
        for (uint64_t end = now() + QUIET; now() < end;) pump(10);
        all = true;
        for (size_t i = 0; i < members; i++) {
            struct connection *c = &connections[i];
            bool speaks = i >= readers && i < readers + speakers;
            if (!speaks && c->hears && !c->seen) all = false;
        }
    }
    while (pump(QUIET / MILLISECOND)) {}
    for (size_t i = 0; i < members; i++) {
        struct connection *c = &connections[i];
        uint64_t said = connections[rooms ? readers + room_of(c) : readers].said;
        if (c->seen > said) fail("a connection heard %" PRIu64 " lines where %" PRIu64 " were said", c->seen, said);
    }
    for (size_t i = 0; i < members; i++) connections[i].seen = connections[i].said = 0;
    deliveries = 0;
}

/* Measuring. */

static const char *server_pid;
static clockid_t server;

struct moment {
    uint64_t time, server, generator, deliveries, received;
    uint64_t waited; /* For a core that other processes had: the server's main thread and this one, together. */
};

static uint64_t waited(const char *pid) {
    char path[64];
    uint64_t time = 0;
    snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%*u %" SCNu64, &time) != 1) time = 0;
        fclose(file);
    }
    return time;
}

static struct moment moment(void) {
    return (struct moment){now(), clock_ns(server), clock_ns(CLOCK_PROCESS_CPUTIME_ID), deliveries, received,
                           waited(server_pid) + waited("self")};
}

static void print(struct moment from, struct moment to, uint64_t lost) {
    uint64_t time = to.time - from.time, server_time = to.server - from.server, came = to.deliveries - from.deliveries;
    printf("{\"deliveries\": %" PRIu64 ", \"seconds\": %.6f, \"rate\": %.1f, ", came, 1e-9 * time, 1e9 * came / time);
    printf("\"server_cpu_s\": %.6f, \"server\": %.4f, ", 1e-9 * server_time, (double)server_time / time);
    printf("\"waited\": %.4f, ", (double)(to.waited - from.waited) / time);
    printf("\"generator\": %.4f, \"lost\": %" PRIu64, (double)(to.generator - from.generator) / time, lost);
    if (came) printf(", \"cpu_us\": %.4f", 1e-3 * server_time / came);
    if (came) printf(", \"bytes\": %.1f", (double)(to.received - from.received) / came);
}

/* Take the lines that are still on their way; returns how many deliveries did not come. */
static uint64_t drain(uint64_t sent, uint64_t expected) {
    for (uint64_t end = now() + DRAIN; deliveries < expected && now() < end;) pump(100);
    uint64_t lost = 0;
    for (size_t i = 0; i < members; i++) {
        struct connection *c = &connections[i];
        if (!c->hears) continue;
        uint64_t for_it = (rooms ? connections[readers + room_of(c)].said : sent) - (protocol == WS ? 0 : c->said);
        if (c->seen > for_it) fail("a connection heard %" PRIu64 " lines of %" PRIu64, c->seen, for_it);
        lost += for_it - c->seen;
    }
    return lost;
}

static void closed(uint64_t window, uint64_t seconds) {
    uint64_t receivers = readers + authors - (protocol != WS), sent = 0, next = 0;
    if (protocol == REDIS) receivers = readers;
    if (rooms) receivers = readers / authors;
    uint64_t begin = now() + WARM_UP;
    struct moment from = {0};
    while (!from.time || now() < from.time + seconds * SECOND) {
        uint64_t due = window - (sent - deliveries / receivers), time = now();
        sent += due;
        for (uint64_t i = 0; i < due; i++) say(&connections[readers + (next + i) % authors], time);
        for (uint64_t i = 0; i < due && i < authors; i++) flush(&connections[readers + (next + i) % authors], false);
        next += due;
        pump(100);
        if (!from.time && now() >= begin) from = moment();
    }
    struct moment to = moment();
    print(from, to, drain(sent, sent * receivers));
    puts("}");
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void open_loop(uint64_t rate, uint64_t seconds) {
    uint64_t period = SECOND / rate, due = now() + period, sent = 0, receivers = readers + (protocol == WS);
    struct itimerspec times = {.it_interval = {0, period}, .it_value = {due / SECOND, due % SECOND}};
    struct epoll_event event = {.events = EPOLLIN};
    struct moment from = {0};
    if (period >= SECOND) times.it_interval = (struct timespec){period / SECOND, period % SECOND};
    samples.from = due + WARM_UP;
    samples.to = samples.from + seconds * SECOND;
    watch_words = true;
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (timer < 0 || timerfd_settime(timer, TFD_TIMER_ABSTIME, &times, NULL)) fail("timer: %s", strerror(errno));
    if (epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event)) fail("epoll_ctl: %s", strerror(errno));
    while (due < samples.to) {
        pump(100);
        for (; ticks; ticks--, due += period, sent++) say(&connections[readers], due);
        flush(&connections[readers], false);
        if (!from.time && now() >= samples.from) from = moment();
    }
    struct moment to = moment();
    close(timer);
    print(from, to, drain(sent, sent * receivers));
    if (!samples.size) fail("no line came within %llu s", (unsigned long long)(DRAIN / SECOND));
    qsort(samples.times, samples.size, sizeof *samples.times, compare);
    printf(", \"samples\": %zu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n", samples.size,
           1e-6 * samples.times[(samples.size - 1) / 2], 1e-6 * samples.times[(samples.size - 1) * 99 / 100],
           1e-6 * samples.times[samples.size - 1]);
}

static void storm(void) {
    uint64_t expected = (uint64_t)members * (members + 1) / 2; /* A greeting each, and each later newcomer. */
    struct moment from = moment();
    counted = '\n';
    while (deliveries < expected) {
        /* The server lets 1024 wait to be accepted; past it the kernel would make us wait for a second. */
        for (int i = 0; i < 32 && opened < members && opened - ready < 1000; i++) join();
        pump(opened < members && opened - ready < 1000 ? 0 : -1);
    }
    struct moment to = moment();
    print(from, to, ready < members);
    printf(", \"join_us\": %.3f}\n", 1e-3 * (to.server - from.server) / members);
}

int main(int count, char **arguments) {
    if (count < 9) fail("load PID PORT PROTOCOL MODE READERS AUTHORS LINES SECONDS [PAYLOAD]");
    while (strcmp(arguments[3], PROTOCOLS[protocol]))
        if (++protocol > WS) fail("no protocol %s", arguments[3]);
    const char *mode = arguments[4];
    readers = atol(arguments[5]);
    authors = atol(arguments[6]);
    uint64_t lines = atol(arguments[7]), seconds = atol(arguments[8]);
    port = atoi(arguments[2]);
    members = readers + authors;
    connections = check(calloc(members, sizeof *connections));
    poller = epoll_create1(0);
    server_pid = arguments[1];
    if (clock_getcpuclockid(atoi(server_pid), &server)) fail("the server is gone");
    watch_words = true;
    rooms = !strcmp(mode, "rooms");
    if (rooms && (protocol == NCAT || protocol == WS || !authors || readers % authors)) fail("every room wants as many readers");
    make_line(count > 9 ? atol(arguments[9]) : 64);
    if (!strcmp(mode, "storm")) {
        storm();
        return 0;
    }
    join_all();
    if (!strcmp(mode, "idle")) {
        puts("ready");
        fflush(stdout);
        getchar();
        return 0;
    }
    if (!authors || !lines) fail("nobody says anything");
    wait_for_first_line();
    watch_words = protocol == NATS || protocol == IRC; /* They want answers to their PING. */
    if (!strcmp(mode, "closed") || rooms)
        closed(lines, seconds);
    else if (!strcmp(mode, "open"))
        open_loop(lines, seconds);
    else
        fail("no mode %s", mode);
}
