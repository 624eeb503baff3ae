"""Fetching against a local server that stands for the open internet, and all that must be refused."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rag.errors import UsageError
from rag.readers import read
from rag.readers.common import Fetched
from rag.readers.fetching import USER_AGENT, Fetcher, is_public
from rag.types import Article, Excerpt, Problem

PUBLIC = "93.184.215.14"
LONG = "The dam was opened on Friday, officials said, after nine years of work by two thousand people. " * 4
PAGE = f"<!doctype html><html><head><title>Dam opens</title></head><body><article><p>{LONG}</p></article></body></html>"
FEED = """<rss version="2.0"><channel><title>The Paper</title>
<item><title>One</title><link>/page</link><description>Short.</description></item>
<item><title>Two</title><link>http://inside.example/</link><description>Kept.</description></item></channel></rss>"""

Answer = tuple[int, dict[str, str], bytes]


class Web:
    """Names, answers by path, and who was asked. Every public address leads to one local server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.names: dict[str, list[str]] = {"paper.example": [PUBLIC], "inside.example": ["10.0.0.7"]}
        self.answers: dict[str, Answer] = {"/page": (200, {"Content-Type": "text/html"}, PAGE.encode())}
        self.slow: set[str] = set()
        self.requests: list[tuple[str, str, str]] = []
        self.dialled: list[str] = []
        self.slept: list[float] = []

    def resolve(self, host: str, port: int) -> Sequence[str]:
        if host not in self.names:
            raise socket.gaierror(-2, "Name or service not known")
        return self.names[host]

    def dial(self, address: str, port: int, timeout: float) -> socket.socket:
        self.dialled.append(address)
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def fetcher(self, max_bytes: int = 100_000, timeout_s: float = 5) -> Fetcher:
        return Fetcher(
            max_bytes=max_bytes, timeout_s=timeout_s, resolve=self.resolve, dial=self.dial, sleep=self.slept.append
        )

    def fetch(self, path: str = "/page", **limits: int) -> Fetched:
        return self.fetcher(**limits)(f"http://paper.example{path}")

    def refusal(self, path: str, **limits: float) -> str:
        with pytest.raises(UsageError) as caught:
            self.fetcher(**limits)(f"http://paper.example{path}" if path.startswith("/") else path)  # type: ignore[arg-type]
        return str(caught.value)


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.requests.append((self.path, self.headers["Host"], self.headers["User-Agent"]))
            status, headers, body = made.answers.get(self.path, (404, {}, b"no"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for byte in body if self.path in made.slow else ():
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.05)
                if self.path not in made.slow:
                    self.wfile.write(body)
            except OSError:
                pass  # the client has hung up, as it should

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Web(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class TestAddresses:
    @pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
    def test_of_the_open_internet(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize(
        "address",
        "127.0.0.1 127.9.9.9 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 240.0.0.1 "
        "255.255.255.255 198.18.0.1 192.0.2.1 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 fe80::1 fe80::1%eth0 "
        "fc00::1 fec0::1 ff02::1 2001:db8::1 2002:7f00:1:: 64:ff9b::127.0.0.1 64:ff9b:1::8.8.8.8 "
        "2001:0:a00:1::f5ff:fffe x".split(),
    )
    def test_of_none(self, address: str) -> None:
        assert not is_public(address)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "0"])
    def test_this_machine_by_any_name_with_the_real_resolver(self, web: Web, host: str) -> None:
        with pytest.raises(UsageError, match=r"refused: .* is not on the open internet"):
            Fetcher(max_bytes=999)(f"http://{host}:{web.port}/page")
        assert web.requests == []

    @pytest.mark.parametrize("others", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:192.168.0.1"]])
    def test_a_name_that_leads_inside(self, web: Web, others: list[str]) -> None:
        web.names["trap.example"] = others
        assert web.refusal("http://trap.example/page").startswith("refused: trap.example is at ")
        assert web.dialled == []

    def test_the_address_that_was_checked_is_the_one_that_is_called(self, web: Web) -> None:
        answers = iter([[PUBLIC], [PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
        fetcher = Fetcher(max_bytes=10_000, resolve=lambda *_: next(answers), dial=web.dial, sleep=web.slept.append)
        assert fetcher("http://turning.example/page").data == PAGE.encode()
        with pytest.raises(UsageError, match=r"127\.0\.0\.1, which is not on the open internet"):
            fetcher("http://turning.example/page")
        assert web.dialled == [PUBLIC, PUBLIC]

    def test_one_address_that_does_not_answer(self, web: Web) -> None:
        web.names["paper.example"] = ["2606:4700::1111", PUBLIC]
        dial = web.dial

        def no_ipv6(address: str, port: int, timeout: float) -> socket.socket:
            if ":" in address:
                raise OSError("Network is unreachable")
            return dial(address, port, timeout)

        web.dial = no_ipv6  # type: ignore[method-assign]
        assert web.fetch().data == PAGE.encode()

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("ftp://paper.example/a", "refused: only http and https addresses are read, not ftp"),
            ("file:///etc/passwd", "refused: only http and https addresses are read, not file"),
            ("http://a:b@paper.example/", "refused: it carries a user name or a password"),
            ("http:///page", "is not a valid web address"),
            ("http://paper.example:99999/", "is not a valid web address"),
            ("http://paper.example/a\r\nHost: x", "is not a valid web address"),
            (f"http://{'a' * 70}.example/", "is not a valid web address"),
            ("http://nowhere.example/", "cannot be fetched: no address is known for nowhere.example"),
        ],
    )
    def test_what_is_no_address_to_fetch(self, web: Web, url: str, reason: str) -> None:
        assert web.refusal(url) == reason
        assert web.requests == []


class TestRedirects:
    def redirect(self, web: Web, path: str, to: str) -> None:
        web.answers[path] = (302, {"Location": to}, b"")

    def test_are_followed(self, web: Web) -> None:
        self.redirect(web, "/a", "b?x=é")
        self.redirect(web, "/b?x=%C3%A9", "http://paper.example/page#part")
        assert web.fetch("/a").url == "http://paper.example/page#part"

    @pytest.mark.parametrize("to", ["http://127.0.0.1/", "//10.0.0.7/x", "http://inside.example/", "http://[::1]/"])
    def test_are_not_followed_inside(self, web: Web, to: str) -> None:
        web.names |= {"127.0.0.1": ["127.0.0.1"], "10.0.0.7": ["10.0.0.7"], "::1": ["::1"]}
        self.redirect(web, "/a", to)
        assert web.refusal("/a").endswith("which is not on the open internet")
        assert set(web.dialled) == {PUBLIC}

    def test_of_robots_txt_neither(self, web: Web) -> None:
        self.redirect(web, "/robots.txt", "http://inside.example/")
        assert web.refusal("/page").endswith("which is not on the open internet")

    def test_to_other_schemes_and_without_end(self, web: Web) -> None:
        self.redirect(web, "/a", "file:///etc/passwd")
        assert web.refusal("/a") == "refused: only http and https addresses are read, not file"
        self.redirect(web, "/b", "/b")
        assert web.refusal("/b") == "is redirected more than 5 times"


class TestManners:
    def test_robots_txt_is_read_once_and_respected(self, web: Web) -> None:
        web.answers["/robots.txt"] = (200, {}, b"User-agent: newsrag\nDisallow: /no\nCrawl-delay: 7\n")
        fetcher = web.fetcher()
        fetcher("http://paper.example/page")
        with pytest.raises(UsageError, match=r"^robots\.txt of the site does not allow it$"):
            fetcher("http://paper.example/no")
        fetcher("http://paper.example/page")
        assert [path for path, *_ in web.requests] == ["/robots.txt", "/page", "/page"]
        assert {(host, agent) for _, host, agent in web.requests} == {("paper.example", USER_AGENT)}
        assert len(web.slept) == 1
        assert 6 < web.slept[0] <= 7

    def test_a_site_that_fails_is_left_alone(self, web: Web) -> None:
        web.answers["/robots.txt"] = (503, {}, b"")
        assert web.refusal("/page") == "robots.txt of the site cannot be read: the server answers 503"

    def test_what_a_server_may_answer(self, web: Web) -> None:
        assert web.refusal("/none") == "the server answers 404 Not Found"
        web.answers["/short"] = (200, {"Content-Length": "99"}, b"x")
        assert web.refusal("/short") == "cannot be fetched: the answer ends too early"
        web.answers["/br"] = (200, {"Content-Encoding": "br"}, b"x")
        assert web.refusal("/br").startswith("cannot be fetched: the server packs its answer")

    def test_a_server_that_speaks_no_tls_is_not_believed(self, web: Web) -> None:
        assert web.refusal("https://paper.example/page").startswith("cannot be fetched: [SSL")
        assert web.requests == []

    def test_size(self, web: Web) -> None:
        web.answers["/big"] = (200, {}, b"x" * 2000)
        assert web.refusal("/big", max_bytes=1999) == "is larger than the limit of 1999 bytes"
        web.answers["/big"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 10_000_000))
        assert web.refusal("/big", max_bytes=1999) == "is larger than the limit of 1999 bytes"
        web.answers["/page"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(PAGE.encode()))
        assert web.fetch().data == PAGE.encode()

    def test_a_packed_page_may_come_in_several_members(self, web: Web) -> None:
        def serve(*parts: bytes) -> None:
            web.answers["/page"] = (200, {"Content-Encoding": "gzip"}, b"".join(parts))

        first, second = gzip.compress(b"One. " * 20_000, 0), gzip.compress(b"Two.")
        whole = b"One. " * 20_000 + b"Two."
        for padding in (b"", b"\0", b"\0" * 100_000, b"<!-- served -->"):
            serve(first, gzip.compress(b""), second, padding)
            assert web.fetch(max_bytes=len(whole)).data == whole
        assert web.refusal("/page", max_bytes=len(whole) - 1) == f"is larger than the limit of {len(whole) - 1} bytes"
        serve(first, *[gzip.compress(b"x" * 1000)] * 1000)
        assert web.refusal("/page") == "is larger than the limit of 100000 bytes"
        serve(first, second[:-1])
        assert web.refusal("/page", max_bytes=len(whole)) == "cannot be fetched: the answer ends too early"

    def test_members_that_arrive_byte_by_byte(self, web: Web) -> None:
        packed = gzip.compress(b"One. ") + gzip.compress(b"Two.")
        web.answers["/slow"] = (200, {"Content-Encoding": "gzip"}, packed)
        web.slow.add("/slow")
        assert web.fetch("/slow").data == b"One. Two."

    def test_time(self, web: Web) -> None:
        web.answers["/slow"] = (200, {}, b"x" * 200)
        web.slow.add("/slow")
        started = time.monotonic()
        assert web.refusal("/slow", timeout_s=0.3) == "cannot be fetched: it took too long"
        assert time.monotonic() - started < 5


class TestReading:
    def read(self, web: Web, *paths: str, full_text: bool = False) -> tuple[list[Article], list[str]]:
        items = list(read(paths, fetch=web.fetcher(), full_text=full_text))
        return [i for i in items if isinstance(i, Article)], [str(i) for i in items if isinstance(i, Problem)]

    def test_a_page(self, web: Web) -> None:
        (article,), problems = self.read(web, "http://paper.example/page")
        assert (article.title, article.text) == ("Dam opens", LONG.strip())
        assert (article.url, problems) == ("http://paper.example/page", [])

    def test_the_media_type_goes_before_the_name(self, web: Web) -> None:
        web.answers["/feed.html"] = (200, {"Content-Type": "application/rss+xml; charset=utf-8"}, FEED.encode())
        found, problems = self.read(web, "http://paper.example/feed.html")
        assert [(a.title, a.text, a.url) for a in found] == [
            ("One", "Short.", "http://paper.example/page"),
            ("Two", "Kept.", "http://inside.example/"),
        ]
        assert problems == []

    def test_full_text(self, web: Web) -> None:
        web.answers["/feed"] = (200, {"Content-Type": "text/xml"}, FEED.encode())
        found, problems = self.read(web, "http://paper.example/feed", full_text=True)
        assert [(a.title, a.text) for a in found] == [("One", LONG.strip()), ("Two", "Kept.")]
        assert problems == [
            "http://paper.example/feed, entry 2: its page, http://inside.example/: refused: inside.example is at "
            "10.0.0.7, which is not on the open internet; the text of the feed is taken where there is no longer one"
        ]
        assert [type(article) for article in found] == [Article, Excerpt]

    def test_one_refusal_does_not_stop_the_others(self, web: Web) -> None:
        found, problems = self.read(web, "http://inside.example/", "ftp://x/y", "http://paper.example/page")
        assert len(found) == 1
        assert [line.partition(": ")[0] for line in problems] == ["http://inside.example/", "ftp://x/y"]

    def test_nothing_is_fetched_unless_somebody_gives_the_means(self) -> None:
        with pytest.raises(UsageError, match=r"^no such file or folder: http://paper\.example/page$"):
            read(["http://paper.example/page"])


def test_the_hooks_are_for_tests_alone() -> None:
    """No setting, no option and no environment variable reaches the resolver or the dialler."""
    from rag import readers, wiring

    hooks: list[Callable[..., object]] = [readers.read, wiring.index_paths]
    for function in hooks:
        assert not {"resolve", "dial"} & set(function.__kwdefaults__ or {})
