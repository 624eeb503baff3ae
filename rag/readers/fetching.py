"""Pages and feeds from the web, only where somebody names one. Layer: adapters (standard library).

What an address or a redirect can reach is bounded: http and https only; every address that the name resolves to must
be public, and the connection goes to the very address that was checked, so a name cannot change its mind in between;
each redirect is checked anew. Answers are bounded in bytes and in time, and robots.txt is respected (RFC 9309).
Proxies are not used: what one resolves to cannot be checked from here.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from email.message import Message
from typing import Self
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from rag import __version__
from rag.articles import MAX_URL_CHARACTERS
from rag.errors import UsageError
from rag.readers.common import Fetched, shown

USER_AGENT = f"newsrag/{__version__} (reads articles for a local index when its user asks)"
TIMEOUT_S = 30.0
"""For one answer as a whole, its redirects and robots.txt not counted."""
MAX_REDIRECTS = 5
PAUSE_S = 1.0
"""At least this long between two requests to one host; robots.txt can ask for up to `MAX_PAUSE_S`."""
MAX_PAUSE_S = 30.0

_ROBOTS_BYTES = 500 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"

Resolve = Callable[[str, int], Sequence[str]]
"""A host name and a port to all its addresses. Raises OSError."""
Dial = Callable[[str, int, float], socket.socket]
"""A connected socket to an address that was checked, within so many seconds. Raises OSError."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, also inside its wrappings in IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        wrapped += [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)] if ip in _NAT64 else []
        if ip.is_site_local or ip in _NAT64_LOCAL:
            return False
        inner = [v4 for v4 in wrapped if v4 is not None]
        if inner:
            return all(is_public(str(v4)) for v4 in inner)
    closed = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_reserved
    return ip.is_global and not closed and not ip.is_unspecified


def _resolve(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def _dial(address: str, port: int, timeout: float) -> socket.socket:
    return socket.create_connection((address, port), timeout)


class Fetcher:
    """Fetches one address at a time. `resolve` and `dial` are there for tests: no setting reaches them, and what
    `resolve` says is checked whoever said it."""

    def __init__(
        self,
        *,
        max_bytes: int,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = _resolve,
        dial: Dial = _dial,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._max_bytes, self._timeout = max_bytes, timeout_s
        self._resolve, self._dial, self._sleep = resolve, dial, sleep
        self._robots: dict[str, RobotFileParser] = {}
        self._last: dict[str, float] = {}

    def __call__(self, url: str) -> Fetched:
        """What is at `url`, after redirects. Raises `UsageError` with the reason where it is refused or fails."""
        for _ in range(MAX_REDIRECTS + 1):
            parts = _checked(url)
            self._ask_robots(parts)
            status, headers, data = self._get(parts, self._max_bytes)
            if status in _REDIRECTS and headers.get("location"):
                url = urljoin(url, headers["location"])
                continue
            if status != http.client.OK:
                raise UsageError(f"the server answers {status} {http.client.responses.get(status, '')}".rstrip())
            if data is None:
                raise UsageError(f"is larger than the limit of {self._max_bytes} bytes")
            charset = headers.get_param("charset")
            return Fetched(url, headers.get_content_type(), charset if isinstance(charset, str) else None, data)
        raise UsageError(f"is redirected more than {MAX_REDIRECTS} times")

    def _ask_robots(self, parts: SplitResult) -> None:
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._robots:
            self._robots[origin] = self._read_robots(urlsplit(f"{origin}/robots.txt"))
        rules = self._robots[origin]
        if not rules.can_fetch(USER_AGENT, parts.geturl()):
            raise UsageError("robots.txt of the site does not allow it")
        wished = rules.crawl_delay(USER_AGENT)
        pause = min(float(wished), MAX_PAUSE_S) if wished else PAUSE_S
        since = time.monotonic() - self._last.get(origin, -pause)
        if since < pause:
            self._sleep(pause - since)
        self._last[origin] = time.monotonic()

    def _read_robots(self, parts: SplitResult) -> RobotFileParser:
        rules = RobotFileParser()
        for _ in range(MAX_REDIRECTS + 1):
            status, headers, data = self._get(parts, _ROBOTS_BYTES)
            if status not in _REDIRECTS or not headers.get("location"):
                break
            parts = _checked(urljoin(parts.geturl(), headers["location"]))
        if status >= http.client.INTERNAL_SERVER_ERROR:
            raise UsageError(f"robots.txt of the site cannot be read: the server answers {status}")
        readable = data if status == http.client.OK and data is not None else b""  # none: all is allowed
        rules.parse(readable.decode("utf-8", "replace").splitlines())
        return rules

    def _get(self, parts: SplitResult, max_bytes: int) -> tuple[int, Message, bytes | None]:
        """Status, headers, and the body: None where it is longer than the limit."""
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        addresses = self._public_addresses(host, port)
        try:
            with _Line(self._connected(addresses, port), self._timeout) as line:
                if parts.scheme == "https":
                    line.secure(host)
                return line.exchange(parts, max_bytes)
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as error:
            why = "it took too long" if isinstance(error, TimeoutError) else " ".join(str(error).split())
            raise UsageError(f"cannot be fetched: {why or type(error).__name__}") from error

    def _connected(self, addresses: Sequence[str], port: int) -> socket.socket:
        for address in addresses[:-1]:
            with suppress(OSError):  # IPv6 is announced to machines that have none
                return self._dial(address, port, self._timeout)
        return self._dial(addresses[-1], port, self._timeout)

    def _public_addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise UsageError(f"cannot be fetched: no address is known for {shown(host)}") from error
        closed = [address for address in addresses if not is_public(address)]
        if closed:
            where = shown(", ".join(closed))
            raise UsageError(f"refused: {shown(host)} is at {where}, which is not on the open internet")
        if not addresses:
            raise UsageError(f"cannot be fetched: no address is known for {shown(host)}")
        return addresses


class _Line:
    """One connection for one request, cut when its time is up: a server that sends a byte now and then never runs
    into a limit on one read."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock, self._timeout, self._late = sock, timeout, False
        self._timer = threading.Timer(timeout, self._hang_up)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        self._sock.close()
        if self._late and not isinstance(error, UsageError):
            raise TimeoutError from error

    def _hang_up(self) -> None:
        self._late = True
        with suppress(OSError):
            # Not the method of a TLS socket, which would end TLS while another thread reads.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def secure(self, host: str) -> None:
        """Speak TLS from now on; the certificate must be one for `host`."""
        context = ssl.create_default_context()
        self._sock = secure = context.wrap_socket(self._sock, server_hostname=host, do_handshake_on_connect=False)
        secure.do_handshake()

    def exchange(self, parts: SplitResult, max_bytes: int) -> tuple[int, Message, bytes | None]:
        """Status, headers, and the body: None where it is longer than the limit."""
        connection = http.client.HTTPConnection(parts.hostname or "", timeout=self._timeout)
        connection.sock = self._sock
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        headers = {"Host": parts.netloc, "User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip"}
        for name, value in (headers | {"Connection": "close"}).items():
            connection.putheader(name, value)
        connection.endheaders()
        with closing(connection.getresponse()) as answer:
            return answer.status, answer.headers, _body(answer, max_bytes)


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise UsageError("is not a valid web address") from error
    if parts.scheme not in _PORTS:
        raise UsageError(f"refused: only http and https addresses are read, not {shown(parts.scheme) or 'this'}")
    if not host or len(url) > MAX_URL_CHARACTERS or not url.isprintable() or " " in url.strip():
        raise UsageError("is not a valid web address")
    if parts.username is not None or parts.password is not None:
        raise UsageError("refused: it carries a user name or a password")
    place = f"[{host}]" if ":" in host else host
    netloc = place if port in (None, _PORTS[parts.scheme]) else f"{place}:{port}"
    safe = _quoted(parts.path), _quoted(parts.query)
    return SplitResult(parts.scheme, netloc, *safe, fragment="")


def _quoted(text: str) -> str:
    return "".join(c if c.isascii() else "".join(f"%{byte:02X}" for byte in c.encode()) for c in text)


def _body(answer: http.client.HTTPResponse, max_bytes: int) -> bytes | None:
    """The body, unpacked where it is gzip: what comes out is bounded and not what goes in."""
    packed = answer.headers.get("content-encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise UsageError("cannot be fetched: the server packs its answer in a way that was not asked for")
    unpack = _Gzip() if "gzip" in packed else None
    data, received, announced = bytearray(), 0, answer.length
    while chunk := answer.read1(_CHUNK):
        received += len(chunk)
        data += unpack(chunk, max_bytes + 1 - len(data)) if unpack else chunk
        if len(data) > max_bytes:
            return None
    if (announced is not None and received < announced) or (unpack and received and not unpack.ended):
        raise http.client.HTTPException("the answer ends too early")
    return bytes(data)


class _Gzip:
    """Unpacks gzip as it comes: one member after the other (RFC 1952, section 2.2). What follows the last one and
    begins none, as padding does, is left out."""

    def __init__(self) -> None:
        self._member, self._rest, self._padded = _member(), b"", False

    @property
    def ended(self) -> bool:
        """Whether the last member is whole."""
        return self._member.eof

    def __call__(self, chunk: bytes, most: int) -> bytes:
        """What is in one more chunk, up to `most` (1 or more) bytes of it. Raises zlib.error."""
        data = bytearray()
        self._rest = b"" if self._padded else self._rest + chunk
        while self._rest and len(data) < most:
            if not self._member.eof:
                data += self._member.decompress(self._rest, most - len(data))
                self._rest = self._member.unused_data
            elif self._rest.startswith(_GZIP):
                self._member = _member()
            else:
                self._padded = not _GZIP.startswith(self._rest)
                break
        return bytes(data)


def _member() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)
