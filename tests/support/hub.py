"""A Hugging Face hub on loopback: repositories under their real names and URL layouts, every request recorded, faults on demand.

    with Hub() as hub:
        commit = hub.add("org/name", {"config.json": b"{}"})      # or a folder; again: a further commit, main moves
        hub.cut("*model.safetensors", after=1000)                 # the first answer that matches ends early
        environment = hub.environment(home)                       # for subprocesses; ``support.hub_client`` for this process

Answered as huggingface.co does: ``/api/{models,datasets}/ID[/revision/REV|/tree/REV/PATH|/paths-info/REV|/refs]`` and
``/[datasets/]ID/resolve/REV/FILE`` (HEAD, GET, ranges), with X-Repo-Commit, ETag (sha256 of what lies in LFS, else git's
blob id), X-Error-Code, and 307 from an old name. With ``hub.cdn = True`` files in LFS are redirected, as there.
"""

import hashlib
import json
import threading
import time
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from support.hub_files import Fault, Repository, Request, make_file, tree


class Hub:
    """The server; a context manager."""

    def __init__(self):
        self.repositories, self.aliases, self.faults, self.requests = {}, {}, [], []
        self.cdn = False
        self.lock = threading.Lock()
        self.closing = threading.Event()

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *exc):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    # ------------------------------------------------------------ what it holds

    def add(self, repo_id, files, *, kind="model", branch="main", tags=()):
        """Commit ``files`` (a folder, or name → bytes, str or Path) as all there is; gives the commit."""
        if isinstance(files, Path):
            files = {p.relative_to(files).as_posix(): p for p in sorted(files.rglob("*")) if p.is_file()}
        made = {name: make_file(name, content) for name, content in files.items()}
        repository = self.repositories.setdefault((kind, repo_id), Repository(repo_id, kind))
        told = json.dumps([repo_id, len(repository.commits), {name: file.oid for name, file in made.items()}], sort_keys=True)
        commit = hashlib.sha1(told.encode()).hexdigest()
        repository.commits[commit] = made
        repository.refs |= dict.fromkeys((branch, *tags), commit)
        return commit

    def alias(self, old, repo_id, kind="model"):
        """Answer requests for ``old`` with a redirect to ``repo_id``."""
        self.aliases[kind, old] = repo_id

    def gate(self, repo_id, status=401, kind="model"):
        """Let nobody read the files of the repository (401: not logged in, 403: not on the list)."""
        self.repositories[kind, repo_id].gated = status

    # ------------------------------------------------------------ faults

    def _fault(self, kind, pattern, amount=0, times=None, methods=("GET",)):
        self.faults.append(Fault(pattern, kind, amount, times, methods))

    def hang(self, pattern="*"):
        """Accept and never answer."""
        self._fault("hang", pattern, methods=("GET", "HEAD", "POST"))

    def cut(self, pattern, after, times=1):
        """End the connection after this many bytes of the body."""
        self._fault("cut", pattern, after, times)

    def stall(self, pattern, after, times=1):
        """Send this many bytes of the body, then nothing more."""
        self._fault("stall", pattern, after, times)

    def corrupt(self, pattern, times=None):
        """Send wrong bytes of the right length."""
        self._fault("corrupt", pattern, 0, times)

    def answer(self, pattern, status, times=None):
        """Answer with this status and nothing else."""
        self._fault("status", pattern, status, times, ("GET", "HEAD", "POST"))

    def slow(self, pattern, bytes_per_second):
        """Send the body this slowly."""
        self._fault("slow", pattern, bytes_per_second)

    def take(self, method, path):
        """The fault that this request meets, or None."""
        with self.lock:
            for fault in self.faults:
                if method in fault.methods and fnmatch(path, fault.pattern) and fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    # ------------------------------------------------------------ looking on

    def forget(self):
        """Empty the record of requests."""
        self.requests.clear()

    def asked(self, pattern="*", method=None):
        """The recorded requests whose path matches."""
        return [r for r in self.requests if fnmatch(r.path, pattern) and method in (None, r.method)]

    def environment(self, home, **extra):
        """What a subprocess has to have in its environment to use this hub alone."""
        return {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | extra


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self._handle()

    def do_GET(self):
        self._handle()

    def do_POST(self):
        self._handle()

    def _handle(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        split = urlsplit(self.path)
        self.query = parse_qs(split.query)
        path = unquote(split.path)
        self.hub.requests.append(Request(self.command, path, {k.lower(): v for k, v in self.headers.items()}))
        self.fault = self.hub.take(self.command, path)
        kind = self.fault.kind if self.fault else ""
        if kind == "hang":
            self.hub.closing.wait()
            self.close_connection = True
        elif kind == "status":
            self._send(int(self.fault.amount), b"")
        else:
            self._route([unquote(part) for part in split.path.strip("/").split("/")])

    # ------------------------------------------------------------ finding what is asked for

    def _route(self, parts):
        if parts[0] == "cdn":
            return self._stored(parts[1])
        api = parts[0] == "api"
        parts = parts[1:] if api else parts
        kind = (
            {"models": "model", "datasets": "dataset"}.get(parts[0]) if api else "dataset" * (parts[0] == "datasets") or "model"
        )
        parts = parts[1:] if api or parts[0] == "datasets" else parts
        if kind is None:
            return self._error(404, "", "Not found")
        verbs = {"revision", "tree", "paths-info", "refs", "resolve"}
        cut = next((i for i, part in enumerate(parts) if i and part in verbs), len(parts))
        repo_id, rest = "/".join(parts[:cut]), parts[cut:]
        if (kind, repo_id) in self.hub.aliases:
            return self._moved(repo_id, self.hub.aliases[kind, repo_id])
        repository = self.hub.repositories.get((kind, repo_id))
        if repository is None:
            return self._error(404 if self.headers.get("Authorization") else 401, "RepoNotFound", "Invalid username or password.")
        revision = rest[1] if len(rest) > 1 else "main"
        commit = repository.commit_of(revision)
        if commit is None:
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        self.commit = commit
        if api:
            return self._api(repository, rest[0] if rest else "revision", rest[2:])
        return self._resolve(repository, "/".join(rest[2:]))

    def _moved(self, old, new):
        self._send(
            307,
            b"",
            {
                "Location": self.path.replace(f"/{old}/", f"/{new}/", 1)
                if f"/{old}/" in self.path
                else self.path.replace(f"/{old}", f"/{new}", 1)
            },
        )

    def _api(self, repository, verb, rest):
        files = repository.commits[self.commit]
        if verb == "revision":
            siblings = [{"rfilename": name} for name in files]
            stem = {"_id": "0", "id": repository.id, "sha": self.commit, "private": False, "disabled": False}
            if self.query.get("expand") == ["sha"]:
                return self._json({"_id": "0", "id": repository.id, "sha": self.commit})
            stem |= {"gated": "auto" if repository.gated else False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings}
            return self._json(stem)
        if verb == "refs":
            refs = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in repository.refs.items()]
            return self._json({"branches": refs, "tags": [], "converts": []})
        if verb == "paths-info":
            asked = json.loads(self.body)["paths"] if self.body[:1] == b"{" else parse_qs(self.body.decode()).get("paths", [])
            return self._json([entry for entry in tree(files, "", True) if entry["path"] in asked])
        folder = "/".join(rest)
        if folder and not any(name.startswith(folder + "/") for name in files):
            return self._error(404, "EntryNotFound", f"{folder} does not exist")
        return self._json(tree(files, folder, self.query.get("recursive", ["false"])[0].lower() in {"true", "1"}))

    def _resolve(self, repository, name):
        if repository.gated:
            return self._error(repository.gated, "GatedRepo", f"Access to {repository.kind} {repository.id} is restricted.")
        file = repository.commits[self.commit].get(name)
        if file is None:
            return self._error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": self.commit})
        headers = {"X-Repo-Commit": self.commit, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
        if file.lfs and self.hub.cdn:
            port = self.hub.server.server_port  # by another name: a foreign host, as content networks are
            linked = {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
            return self._send(302, b"", headers | linked | {"Location": f"http://localhost:{port}/cdn/{file.sha256}"})
        return self._serve(file, headers)

    def _stored(self, sha256):
        commits = [commit for repository in self.hub.repositories.values() for commit in repository.commits.values()]
        file = next(file for commit in commits for file in commit.values() if file.sha256 == sha256)
        return self._serve(file, {"ETag": '"elsewhere"', "Accept-Ranges": "bytes"})

    # ------------------------------------------------------------ answering

    def _error(self, status, code, message, headers=None):
        told = {"X-Error-Code": code, "X-Error-Message": message} if code else {}
        self._send(status, json.dumps({"error": message}).encode(), told | (headers or {}))

    def _json(self, value):
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json", "X-Repo-Commit": self.commit})

    def _send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _serve(self, file, headers):
        start, stop, status = 0, file.size, 200
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and "," not in asked:
            first, _, last = asked[6:].partition("-")
            start = int(first) if first else max(0, file.size - int(last))
            stop = min(file.size, int(last) + 1) if first and last else file.size
            if start >= file.size:
                self._send(416, b"", {"Content-Range": f"bytes */{file.size}"})
                return
            status, headers = 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{file.size}"}
        self.send_response(status)
        for name, value in {"Content-Length": str(stop - start), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._body(file, start, stop)

    def _body(self, file, start, stop):
        kind, amount = (self.fault.kind, self.fault.amount) if self.fault else ("", 0)
        ends = kind in {"cut", "stall"} and start + amount < stop
        try:
            for block in file.blocks(start, int(start + amount) if ends else stop):
                self.wfile.write(bytes(255 - byte for byte in block) if kind == "corrupt" else block)
                if kind == "slow":
                    time.sleep(len(block) / amount)
        except OSError:  # the client went away
            self.close_connection = True
        if ends:
            self.wfile.flush()
            if kind == "stall":
                self.hub.closing.wait()
            self.close_connection = True
