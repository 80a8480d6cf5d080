"""Small archives in the published layouts, and a local HTTP server for download tests."""

import io
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CLIPS = {f"{genre}/{genre}.{number:05d}.wav": bytes([number]) * 50 for genre in ("blues", "rock") for number in (0, 1)}
TABLE = b"filename,length\n"


def tar_member(name, content=b"", **header):
    """A tar header and the content of its member."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in header.items():
        setattr(info, field, value)
    return info, content


def write_tar(path: Path, members) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def write_zip(path: Path, members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members:
            zipped.writestr(name, content)
    return path


def genres_tar(path: Path, extra=()) -> Path:
    """The layout of the original archive: `genres/<genre>/<clip>` and file lists."""
    folders = [tar_member(name, type=tarfile.DIRTYPE) for name in ("genres", "genres/blues", "genres/rock")]
    clips = [tar_member(f"genres/{name}", content) for name, content in CLIPS.items()]
    return write_tar(path, [*folders, *clips, tar_member("genres/bextract_single.mf", b"list"), *extra])


def kaggle_zip(path: Path, extra=()) -> Path:
    """The layout of the Kaggle archive: clips, tables and images in `Data/`."""
    clips = [(f"Data/genres_original/{name}", content) for name, content in CLIPS.items()]
    tables = [("Data/features_3_sec.csv", TABLE), ("Data/features_30_sec.csv", TABLE)]
    others = [("Data/images_original/blues/blues00000.png", b"png"), ("__MACOSX/features_3_sec.csv", b"fork")]
    return write_zip(path, [*clips, *tables, *others, *extra])


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class Server:
    """Serves `content` at /good, /cut (closed after `cut_bytes`), /whole (without range requests), /other, ...

    Other paths return 404. `requested` lists the paths and ranges.
    """

    def __init__(self, content: bytes, cut_bytes: int = 0) -> None:
        self.content = content
        self.cut_bytes = cut_bytes
        self.requested: list[tuple[str, str | None]] = []
        self.address = ""

    def respond(self, handler: BaseHTTPRequestHandler) -> None:
        path, wanted = handler.path, handler.headers.get("Range")
        self.requested.append((path, wanted))
        if path not in ("/good", "/cut", "/whole", "/other", "/encoded", "/shifted"):
            handler.send_error(404)
            return
        content = b"another file" if path == "/other" else self.content
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and path != "/whole" else 0
        if start >= len(content):
            handler.send_error(416)
            return
        self._send(handler, path, content, start)

    def _send(self, handler, path, content, start):
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        if start:
            first = start + (path == "/shifted")
            handler.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if path == "/encoded":
            handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        stop = start + self.cut_bytes if path == "/cut" else len(content)
        handler.wfile.write(content[start:stop])


@contextmanager
def serving(server: Server):
    """Runs the server on the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.respond(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.address = f"http://127.0.0.1:{http.server_port}"
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            http.shutdown()
