"""A thread for each connection, but no more than there may be; select() at the door."""

import select
import threading


def serve_pooled(listener, handle, workers, stop):
    threads = []
    try:
        while not stop.is_set():
            threads = [thread for thread in threads if thread.is_alive()]
            if len(threads) == workers:
                stop.wait(0.01)
                continue
            readable, _, _ = select.select([listener], [], [], 0.05)
            if readable:
                connection, _ = listener.accept()
                thread = threading.Thread(target=talk, args=[connection, handle])
                thread.start()
                threads.append(thread)
    finally:
        listener.close()
        for thread in threads:
            thread.join()


def talk(connection, handle):
    try:
        handle(connection)
    except Exception:
        pass
    finally:
        connection.close()
