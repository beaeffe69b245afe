/* The floor: the least work that a chat server can do, as a bar for ours.
 *
 *     floor PORT join|each
 *
 * One thread takes lines from all who connect to 127.0.0.1 and hands each line, with the author's address before it, to
 * all others in the author's room. A newcomer is in the lobby; the line "/join ROOM" moves it. No limits, no greeting,
 * nothing else is checked.
 *
 *     each   one send() for each line and member
 *     join   all that one epoll_wait brought to a room leaves in one sendmsg() for each member. Nothing is copied for
 *            that: a member's own lines are one range of the room's batch, and it gets what stands before and after.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 1024
#define RECEIVE (64 * 1024)
#define JOIN "/join "

struct buffer {
    char *data;
    size_t size, room;
};

struct room {
    struct room *next, *next_full;
    char *name;
    struct member **members;
    size_t count, places;
    struct buffer batch; /* Lines that are still to be sent to the members. */
    bool full;           /* It has such lines: it is one of `full_rooms`. */
};

struct member {
    int fd;
    struct room *room;
    size_t place;       /* In the room's `members`. */
    char name[32];      /* "[ADDRESS:PORT] " */
    size_t name_size;
    size_t from, to;    /* Its own lines in the batch. */
    struct buffer line; /* The begin of a line whose end has not come yet. */
    struct buffer out;  /* What the socket did not take yet. */
    size_t sent;        /* Of `out`. */
    bool gone;
};

static struct room lobby = {.name = ""};
static struct room *full_rooms;
static struct member **gone;
static size_t gone_count, gone_room;
static int poller;
static bool joined;

static void *check(void *memory) {
    if (!memory) {
        perror("floor");
        exit(1);
    }
    return memory;
}

static void append(struct buffer *buffer, const char *data, size_t size) {
    if (buffer->size + size > buffer->room) {
        buffer->room = 2 * (buffer->size + size);
        buffer->data = check(realloc(buffer->data, buffer->room));
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

static void watch(struct member *member, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = member};
    epoll_ctl(poller, operation, member->fd, &event);
}

static void put_in(struct member *member, struct room *room) {
    if (room->count == room->places)
        room->members = check(realloc(room->members, (room->places = 2 * room->places + 16) * sizeof *room->members));
    member->room = room;
    member->place = room->count;
    member->from = member->to = 0;
    room->members[room->count++] = member;
}

static void take_out(struct member *member) {
    struct room *room = member->room;
    room->members[member->place] = room->members[--room->count];
    room->members[member->place]->place = member->place;
}

/* To be freed after the batches, which may still speak of it. */
static void leave(struct member *member) {
    if (member->gone) return;
    member->gone = true;
    take_out(member);
    if (gone_count == gone_room) gone = check(realloc(gone, (gone_room = 2 * gone_room + 16) * sizeof *gone));
    gone[gone_count++] = member;
}

static void bury(void) {
    while (gone_count) {
        struct member *member = gone[--gone_count];
        close(member->fd);
        free(member->line.data);
        free(member->out.data);
        free(member);
    }
}

static void flush(struct member *member) {
    struct buffer *out = &member->out;
    while (member->sent < out->size) {
        ssize_t size = send(member->fd, out->data + member->sent, out->size - member->sent, MSG_NOSIGNAL);
        if (size < 0) {
            if (errno != EAGAIN) leave(member);
            return;
        }
        member->sent += size;
    }
    member->sent = out->size = 0;
    watch(member, EPOLL_CTL_MOD, EPOLLIN);
}

/* Send two slices, of which each may be empty; what the socket does not take waits. */
static void deliver(struct member *member, const char *first, size_t first_size, const char *second,
                    size_t second_size) {
    ssize_t sent = 0;
    if (!member->out.size) {
        if (!first_size || !second_size) {
            sent = send(member->fd, first_size ? first : second, first_size + second_size, MSG_NOSIGNAL);
        } else {
            struct iovec slices[] = {{(char *)first, first_size}, {(char *)second, second_size}};
            struct msghdr message = {.msg_iov = slices, .msg_iovlen = 2};
            sent = sendmsg(member->fd, &message, MSG_NOSIGNAL);
        }
        if (sent == (ssize_t)(first_size + second_size)) return;
        if (sent < 0 && errno != EAGAIN) {
            leave(member);
            return;
        }
        if (sent < 0) sent = 0;
        watch(member, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    size_t of_first = (size_t)sent < first_size ? (size_t)sent : first_size;
    append(&member->out, first + of_first, first_size - of_first);
    append(&member->out, second + (sent - of_first), second_size - (sent - of_first));
}

static void deliver_batch(struct room *room) {
    struct buffer *batch = &room->batch;
    for (size_t i = room->count; i--;) { /* Backwards: who leaves is replaced by the last. */
        struct member *member = room->members[i];
        size_t rest = batch->size - member->to;
        if (member->from + rest) deliver(member, batch->data, member->from, batch->data + member->to, rest);
        member->from = member->to = 0;
    }
    batch->size = 0;
}

static void deliver_batches(void) {
    for (; full_rooms; full_rooms = full_rooms->next_full) {
        deliver_batch(full_rooms);
        full_rooms->full = false;
    }
}

static void deliver_line(const struct member *author) {
    struct room *room = author->room;
    for (size_t i = room->count; i--;)
        if (room->members[i] != author) deliver(room->members[i], room->batch.data, room->batch.size, NULL, 0);
    room->batch.size = 0;
}

static void say(struct member *author, const char *line, size_t size) {
    struct room *room = author->room;
    append(&room->batch, author->name, author->name_size);
    append(&room->batch, line, size);
    if (!joined) {
        deliver_line(author);
    } else if (!room->full) {
        room->full = true;
        room->next_full = full_rooms;
        full_rooms = room;
    }
}

static struct room *find_room(const char *name, size_t size) {
    struct room *room = &lobby;
    for (; room; room = room->next)
        if (strlen(room->name) == size && !memcmp(room->name, name, size)) return room;
    room = check(calloc(1, sizeof *room));
    room->name = check(strndup(name, size));
    room->next = lobby.next;
    return lobby.next = room;
}

/* What was said before leaves first, so that a member has lines of its own in one batch only. */
static void move(struct member *member, const char *name, size_t size) {
    struct room *to = find_room(name, size);
    deliver_batch(member->room);
    deliver_batch(to);
    if (member->gone) return;
    take_out(member);
    put_in(member, to);
}

static void take_line(struct member *author, const char *line, size_t size) {
    if (author->line.size) {
        append(&author->line, line, size);
        line = author->line.data;
        size = author->line.size;
        author->line.size = 0;
    }
    if (size > sizeof JOIN && !memcmp(line, JOIN, sizeof JOIN - 1))
        move(author, line + sizeof JOIN - 1, size - sizeof JOIN);
    else
        say(author, line, size);
    author->to = author->room->batch.size;
}

static void receive(struct member *author) {
    static char data[RECEIVE];
    ssize_t size = recv(author->fd, data, sizeof data, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        leave(author);
        return;
    }
    const char *line = data, *end = data + size, *newline;
    author->from = author->to = author->room->batch.size; /* Each is read from once in a batch. */
    for (; (newline = memchr(line, '\n', end - line)); line = newline + 1) {
        take_line(author, line, newline + 1 - line);
        if (author->gone) return;
    }
    append(&author->line, line, end - line);
}

static void accept_all(int listener) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd, on = 1;
    while ((fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK)) >= 0) {
        struct member *member = check(calloc(1, sizeof *member));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        member->fd = fd;
        member->name_size =
            sprintf(member->name, "[%s:%d] ", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
        put_in(member, &lobby);
        watch(member, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int argument_count, char **arguments) {
    static struct epoll_event events[EVENTS];
    if (argument_count != 3) return fprintf(stderr, "floor PORT join|each\n"), 2;
    joined = !strcmp(arguments[2], "join");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    struct epoll_event event = {.events = EPOLLIN};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096) ||
        epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event))
        return perror("floor"), 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        int happened = epoll_wait(poller, events, EVENTS, -1);
        bool newcomers = false;
        for (int i = 0; i < happened; i++) {
            struct member *member = events[i].data.ptr;
            if (!member) {
                newcomers = true;
                continue;
            }
            if (events[i].events & EPOLLOUT && !member->gone) flush(member);
            if (events[i].events & ~EPOLLOUT && !member->gone) receive(member);
        }
        deliver_batches();
        bury();
        if (newcomers) accept_all(listener); /* Last: they get nothing of this batch. */
    }
}
