"""Headless Chromium, driven over its debugging pipe: what a page draws, and what it asks for."""

import json
import os
import shutil
import subprocess
import threading

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)


class Browser:
    """A browser of its own, without a profile; ``requests`` and ``complaints`` are those of the page last opened.

    Args:
        folder: for its profile.
        seconds: after which it is ended, whatever it does.
    """

    def __init__(self, folder, seconds=90):
        self.requests, self.complaints = [], []
        self._events, self._number = [], 0
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # Chromium reads commands from descriptor 3 and writes answers to 4
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._write = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb", buffering=0)
        self._timer = threading.Timer(seconds, self._process.kill)
        self._timer.start()
        self._session = None
        (target,) = [t for t in self._ask("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        self._read.close()
        self._write.close()

    def open(self, path, width, dark=False):
        """Open a file at a width in pixels and wait until it is drawn."""
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self._ask("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._next())
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
        sent = [e["params"] for e in self._events if e["method"] == "Network.requestWillBeSent"]
        self.requests = [one["request"]["url"] for one in sent]
        self.complaints = [e["params"]["entry"]["text"] for e in self._events if e["method"] == "Log.entryAdded"]

    def evaluate(self, code):
        """Return the value of a JavaScript expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _ask(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        self._write.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._events.append(answer)

    def _next(self):
        parts = []
        while (byte := self._read.read(1)) != b"\0":
            assert byte, "Chromium ended"
            parts.append(byte)
        return json.loads(b"".join(parts))
