/* The peer in C: an echo server on epoll(7) in one thread, as simple as possible.
 *
 *     cc -O2 -o peer peer.c && ./peer 3
 *
 * The argument is the number of an inherited descriptor, a listening TCP socket. The program runs
 * until it is killed. A client that does not take its replies is closed: a real server would buffer
 * them, and would not be faster for it. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 1024

static char buffer[16384];

static void watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static void accept_ready(int epoll, int listener) {
    int connection;
    while ((connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
        watch(epoll, connection);
}

static void answer(int connection) {
    ssize_t received = recv(connection, buffer, sizeof buffer, 0);
    if (received < 0 && errno == EAGAIN)
        return;
    if (received <= 0 || send(connection, buffer, received, MSG_NOSIGNAL) != received)
        close(connection);
}

int main(int argument_count, char **arguments) {
    if (argument_count != 2)
        return 2;
    int listener = atoi(arguments[1]), epoll = epoll_create1(0);
    struct epoll_event ready[MAX_EVENTS];
    watch(epoll, listener);
    for (;;) {
        int ready_count = epoll_wait(epoll, ready, MAX_EVENTS, -1);
        for (int i = 0; i < ready_count; i++) {
            if (ready[i].data.fd == listener)
                accept_ready(epoll, listener);
            else
                answer(ready[i].data.fd);
        }
    }
}
