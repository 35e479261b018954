"""Drive a real Chromium over its DevTools protocol: pages, keys, the mouse, screenshots, console.

Small on purpose: what the tests of the page need and no more, over a library that is pinned anyway.
The names are Playwright's, so that its `Page` could stand in. Rules: one browser for a session, one
fresh context (cookies, storage) for each page; nothing the browser does reaches past this machine.
"""

import base64
import contextlib
import json
import subprocess
import time
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

START_S = 60.0  # a cold Chromium on two busy cores
ANSWER_S = 60.0
PATIENCE_S = 60.0  # for a condition: an upper bound for a machine that does much else
LOOK_S = 0.05  # between two looks at a condition
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    # The discard port, for all but loopback: whoever asks the network gets nothing.
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=127.0.0.1",
]
KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
TEXTS = {"Enter": "\r", " ": " "}
SHIFT = 8

# Bring a node into sight; where its middle is, once it has not moved for some frames.
STANDING = """(async () => {
  let [last, same] = ["", 0];
  while (same < 4) {
    await new Promise(requestAnimationFrame);
    const node = %s;
    node.scrollIntoView({ block: "center", behavior: "instant" });
    const { x, y, width, height } = node.getBoundingClientRect();
    const here = JSON.stringify([x + width / 2, y + height / 2]);
    same = here === last ? same + 1 : 0;
    last = here;
  }
  return JSON.parse(last);
})()"""


class Browser:
    """One Chromium process and its one DevTools connection."""

    def __init__(self, program: str, profile: Path) -> None:
        self.process = subprocess.Popen(
            [program, *QUIET, f"--user-data-dir={profile}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.pages: dict[str, Page] = {}
        self.last = 0
        self.open = contextlib.ExitStack()
        address = self._address(profile / "DevToolsActivePort")
        self.socket: ClientConnection = self.open.enter_context(
            connect(address, max_size=None, compression=None, proxy=None)
        )

    def _address(self, told: Path) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            lines = told.read_text().splitlines() if told.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(LOOK_S)
        raise TimeoutError("chromium did not start")

    def new_page(self, width: int = 1280, height: int = 900) -> "Page":
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send(
            "Target.createTarget", url="about:blank", browserContextId=context, newWindow=True
        )
        attached = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], context)
        self.pages[page.session] = page
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        page.send("Emulation.setFocusEmulationEnabled", enabled=True)  # none is in the background
        page.set_viewport_size(width, height)
        return page

    def send(self, method: str, session: str = "", **params: object) -> dict:
        """Call a method and wait for its answer; events that come before it go to their pages."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        self.socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        deadline = time.monotonic() + ANSWER_S
        while True:
            came = json.loads(self.socket.recv(timeout=deadline - time.monotonic()))
            if came.get("id") == self.last:
                if "error" in came:
                    raise RuntimeError(f"{method}: {came['error']['message']}")
                return came["result"]
            self._hear(came)

    def pump(self, seconds: float) -> None:
        """Hear events for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                self._hear(json.loads(self.socket.recv(timeout=left)))

    def _hear(self, event: dict) -> None:
        if page := self.pages.get(event.get("sessionId", "")):
            page.hear(event["method"], event["params"])

    def close(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone already; what follows makes sure
            self.send("Browser.close")
        self.open.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Page:
    """One tab. `console`: errors and warnings it wrote; `requests`: every address it asked."""

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self.browser, self.session, self.context = browser, session, context
        self.console: list[str] = []
        self.requests: list[str] = []

    def send(self, method: str, **params: object) -> dict:
        return self.browser.send(method, self.session, **params)

    def hear(self, method: str, params: dict) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", "")
            self.console.append(f"{details['text']} {thrown}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            said = [str(arg.get("value", arg.get("description"))) for arg in params["args"]]
            self.console.append(" ".join(said))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            entry = params["entry"]
            self.console.append(f"{entry['text']} {entry.get('url', '')}")

    def goto(self, url: str) -> None:
        failed = self.send("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        self.wait_for_function("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> object:
        """The value of an expression, awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def wait_for_function(self, expression: str, timeout: float = PATIENCE_S) -> object:
        """Wait until an expression is true, and return its value."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):  # no context while a page is exchanged
                if value := self.evaluate(expression):
                    return value
            self.browser.pump(LOOK_S)
        seen = self.evaluate("document.body.innerText")
        raise TimeoutError(f"never true: {expression}\nthe page shows:\n{seen}")

    def text(self, selector: str) -> str:
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    def click(self, selector: str) -> None:
        """A click of the mouse in the middle of what `selector` finds, once that stands still."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.wait_for_function(f"{find} !== null")
        box = self.evaluate(STANDING % find)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=box[0],
                y=box[1],
                button="left",
                clickCount=1,
            )

    def fill(self, selector: str, text: str) -> None:
        """Type over what stands in a field."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.wait_for_function(f"{find} !== null")
        self.evaluate(f"({find}.focus(), {find}.select())")
        self.send("Input.insertText", text=text)

    def select_option(self, selector: str, value: str) -> None:
        """Choose in a drop-down, as a user's choice: with an event."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.wait_for_function(f"{find} !== null")
        chosen = self.evaluate(
            f"(({find}.value = {json.dumps(value)}), {find}.dispatchEvent("
            f"new Event('change', {{bubbles: true}})), {find}.value)"
        )
        assert chosen == value, f"{selector} has no {value}"

    def press(self, key: str, modifiers: int = 0) -> None:
        about = {"key": key, "code": "Space" if key == " " else key, "modifiers": modifiers}
        code = KEYS[key]
        self.send(
            "Input.dispatchKeyEvent",
            type="keyDown",
            windowsVirtualKeyCode=code,
            **about,
            **({"text": TEXTS[key]} if key in TEXTS else {}),
        )
        self.send("Input.dispatchKeyEvent", type="keyUp", windowsVirtualKeyCode=code, **about)

    def set_viewport_size(self, width: int, height: int) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def emulate_media(self, **features: str) -> None:
        """color_scheme="dark", reduced_motion="reduce"."""
        named = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.send("Emulation.setEmulatedMedia", features=named)

    def screenshot(self, path: Path, full_page: bool = False) -> None:
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=full_page)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        self.browser.pages.pop(self.session, None)
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
