"""A web server on this machine that serves what a test gives it, with the faults it asks for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file, and how it is served. Lists are used up, a request at a time."""

    content: bytes
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    announced: int | str | None = -1  # Content-Length: -1 is the truth, None is not to say
    broken_after: list[int] = field(default_factory=list)  # bytes
    answers: list[int] = field(default_factory=list)  # other statuses
    encoding: str | None = None  # Content-Encoding
    moved_to: str | None = None  # another address


@dataclass
class Server:
    """Files by path, and the `Range` of every request by path."""

    url: str
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def add(self, name: str, content: bytes) -> Served:
        self.files[f"/{name}"] = Served(content)
        return self.files[f"/{name}"]


class _Handler(BaseHTTPRequestHandler):
    served: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        file = self.served.files.get(path)
        wanted = self.headers.get("Range")
        self.served.asked.append((path, wanted))
        if file is None:
            self.send_error(404)
        elif file.answers:
            self.send_error(file.answers.pop(0))
        elif file.moved_to is not None:
            self.send_response(302)
            self.send_header("Location", file.moved_to)
            self.end_headers()
        else:
            self._send(file, self._start(file, wanted))

    def _start(self, file: Served, wanted: str | None) -> int | None:
        """First byte to send; None for the whole file."""
        unchanged = self.headers.get("If-Range") in (None, file.etag, file.modified)
        if wanted is None or not file.ranges or not unchanged:
            return None
        return int(wanted.removeprefix("bytes=").rstrip("-"))

    def _send(self, file: Served, start: int | None) -> None:
        size = len(file.content)
        if start is not None and start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        body = file.content[start or 0 :]
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        announced = len(body) if file.announced == -1 else file.announced
        for name, value in (
            ("Content-Length", announced),
            ("ETag", file.etag),
            ("Last-Modified", file.modified),
            ("Content-Encoding", file.encoding),
        ):
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        # Then the connection is closed, with what was announced or without.
        self.wfile.write(body[: file.broken_after.pop(0)] if file.broken_after else body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_server() -> Iterator[Server]:
    server = Server("")
    handler = type("Handler", (_Handler,), {"served": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
