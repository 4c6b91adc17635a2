/* The peer in C: an echo server on epoll(7), one thread, as plain as it can be.
 *
 *     cc -O2 -o peer peer.c && ./peer 3
 *
 * The argument is the number of an inherited descriptor, a listening TCP socket. It runs until it is
 * ended from outside. A client that does not take its replies is closed: a real server would keep
 * them, and would not be faster for it. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 1024

static char buffer[16384];

static void watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static void welcome(int epoll, int listener) {
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

int main(int count, char **words) {
    if (count != 2)
        return 2;
    int listener = atoi(words[1]), epoll = epoll_create1(0);
    struct epoll_event ready[AT_ONCE];
    watch(epoll, listener);
    for (;;) {
        int many = epoll_wait(epoll, ready, AT_ONCE, -1);
        for (int i = 0; i < many; i++) {
            if (ready[i].data.fd == listener)
                welcome(epoll, listener);
            else
                answer(ready[i].data.fd);
        }
    }
}
