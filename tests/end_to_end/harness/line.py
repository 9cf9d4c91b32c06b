"""A line between two servers that the test cuts and mends: a TCP relay on loopback."""

import selectors
import socket
import threading


class Line:
    """Connections to `address` go on to (host, port). Cut with refuse(), every connection breaks and new ones are refused;
    with swallow(), nothing arrives any more and nobody is told."""

    def __init__(self, host: str, port: int):
        self._target = (host, port)
        self._lock = threading.Condition()
        self._open = True        # octets flow
        self._stopped = False
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._accepting()

    def refuse(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            sockets = list(self._sockets)
        _shut(listener)
        for each in sockets:
            _shut(each)

    def swallow(self) -> None:
        with self._lock:
            self._open = False

    def mend(self) -> None:
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server((self.host, self.port))
                self._accepting()
            self._open = True
            self._lock.notify_all()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            sockets = [*self._sockets, *([self._listener] if self._listener else [])]
            self._lock.notify_all()
        for each in sockets:
            _shut(each)

    def _accepting(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _flows(self) -> bool:
        """Waits while everything is swallowed. False: it is over."""
        with self._lock:
            self._lock.wait_for(lambda: self._open or self._stopped)
            return not self._stopped

    def _carry(self, client: socket.socket) -> None:
        with self._lock:
            self._sockets.add(client)
        ends = [client]
        try:
            if not self._flows():
                return
            server = socket.create_connection(self._target, timeout=10)
            server.settimeout(None)
            ends.append(server)
            with self._lock:
                self._sockets.add(server)
            with selectors.DefaultSelector() as ready:
                ready.register(client, selectors.EVENT_READ, server)
                ready.register(server, selectors.EVENT_READ, client)
                while True:
                    for key, _ in ready.select():
                        octets = key.fileobj.recv(65536)
                        if not octets or not self._flows():
                            return
                        key.data.sendall(octets)
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets.difference_update(ends)
            for each in ends:
                _shut(each)


def _shut(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()
