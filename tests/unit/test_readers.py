"""Files as people have them, through `read`: every format, every encoding, and everything that can be wrong."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.articles import normalise
from rag.errors import UsageError
from rag.readers import read
from rag.readers.encoding import decode
from rag.readers.markdown import parse as parse_markdown
from rag.types import Article, Problem

RECORD = {"title": "Title", "text": "Some words."}
LINE = json.dumps(RECORD).encode() + b"\n"
PAGE = """<!DOCTYPE html><html lang="tr"><head><title>Dam opens - The Paper</title>
<meta charset="{charset}"><link rel="canonical" href="https://example.org/2025/dam?utm_source=x">
<meta property="og:site_name" content="The Paper"><meta name="author" content="Ayşe Demir">
<meta property="article:published_time" content="2025-03-08T10:00:00+03:00"></head><body>
<nav><a href="/">Home</a> <a href="/sport">Sport</a></nav><article><h1>Dam opens</h1>
<p>The dam at Ilısu was opened on Friday, officials said, after nine years of work by 2,000 people.</p>
<p>“It is done,” said the minister. Engineers from five countries had advised on its foundations.</p></article>
<div id="comments"><p>First! This is a comment by a reader.</p></div><script>alert(1)</script></body></html>"""


def articles(*items: Article | Problem) -> list[Article]:
    return [item for item in items if isinstance(item, Article)]


def problems(*items: Article | Problem) -> list[str]:
    return [str(item) for item in items if isinstance(item, Problem)]


class Folder:
    """A folder of files; problems are told relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: str | bytes) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def read(self, name: str, content: str | bytes) -> Article:
        (only,) = read([self.write(name, content)])
        assert isinstance(only, Article), only
        return only

    def problem(self, name: str, content: str | bytes, max_bytes: int = 10_000) -> str:
        (only,) = problems(*read([self.write(name, content)], max_bytes=max_bytes))
        return only.removeprefix(f"{self.root}{os.sep}")

    def problems(self, *items: Article | Problem) -> list[str]:
        return [line.replace(str(self.root), "ROOT") for line in problems(*items)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class TestPaths:
    def test_a_missing_path_stops_before_anything_is_read(self, folder: Folder) -> None:
        good = folder.write("a.txt", "Words.")
        with pytest.raises(UsageError, match=r"^no such file or folder: nowhere\.txt$"):
            read([good, "nowhere.txt"])
        with pytest.raises(UsageError, match="no such file or folder: bad\ufffdname"):
            read(["bad\nname"])

    def test_folders_are_read_in_order_with_all_below_them(self, folder: Folder) -> None:
        for name in ("b.txt", "a.TXT", "sub/deep/c.md", "sub/d.html", ".hidden.txt", ".git/e.txt"):
            folder.write(name, PAGE if name.endswith("html") else f"Words of {name}")
        items = list(read([str(folder.root)]))
        assert [a.text[-7:] for a in articles(*items)] == ["f a.TXT", "f b.txt", "ations.", "ep/c.md"]
        assert problems(*items) == []

    def test_other_files_of_a_folder_are_one_problem(self, folder: Folder) -> None:
        for name in ("a.txt", "b.png", "c.PNG", "d.css", "README"):
            folder.write(name, "Words.")
        items = list(read([str(folder.root)]))
        assert len(articles(*items)) == 1
        assert folder.problems(*items) == ["folder ROOT: 4 files of other types skipped (.png, no extension, .css)"]

    def test_a_folder_without_articles(self, folder: Folder) -> None:
        assert folder.problems(*read([str(folder.root)])) == ["folder ROOT: no articles found"]
        folder.write("a.png", b"\x89PNG")
        assert folder.problems(*read([str(folder.root)])) == [
            "folder ROOT: 1 file of other types skipped (.png)",
            "folder ROOT: no articles found",
        ]

    def test_another_type_named_by_hand(self, folder: Folder) -> None:
        assert folder.problem("a.exe", b"MZ").startswith("a.exe: files of type .exe are not read; these are: .jsonl ")
        assert folder.problem("README", "x").startswith("README: files without an extension are not read")

    def test_links_in_a_circle_end(self, folder: Folder) -> None:
        folder.write("sub/a.txt", "Words.")
        (folder.root / "sub" / "up").symlink_to(folder.root)
        (folder.root / "again").symlink_to(folder.root / "sub")
        (folder.root / "self.txt").symlink_to("self.txt")
        (folder.root / "broken.txt").symlink_to("nothing")
        assert [a.text for a in articles(*read([str(folder.root)]))] == ["Words."]

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_a_pipe_is_not_waited_for(self, folder: Folder) -> None:
        pipe = folder.root / "pipe.txt"
        os.mkfifo(pipe)
        assert folder.problems(*read([str(pipe)])) == ["ROOT/pipe.txt: is not a regular file"]
        assert folder.problems(*read([str(folder.root)])) == ["folder ROOT: no articles found"]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_what_may_not_be_read(self, folder: Folder) -> None:
        path = Path(folder.write("a.txt", "Words."))
        path.chmod(0)
        assert folder.problems(*read([str(path)])) == ["ROOT/a.txt: cannot be read: Permission denied"]

    @pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that takes any bytes for a name")
    def test_names_that_no_terminal_can_show(self, folder: Folder) -> None:
        name = os.fsdecode(b"n\xff\x1b[31m\n.txt")
        Path(folder.root, name).write_bytes(b"\0")
        (line,) = folder.problems(*read([str(folder.root)]))
        assert line == "ROOT/n\ufffd\ufffd[31m\ufffd.txt: is not text"


class TestJsonLines:
    def test_bad_lines_do_not_stop_the_good_ones(self, folder: Folder) -> None:
        lines = [LINE, b"\n", b'{"title": }\n', b"[1]\n", b"5\n", b'{"title": "T"}\n', b'{"a": "\xff"}\n', b" " + LINE]
        items = list(read([folder.write("a.jsonl", b"".join(lines))]))
        assert [a.title for a in articles(*items)] == ["Title", "Title"]
        assert folder.problems(*items) == [
            "ROOT/a.jsonl:3: invalid JSON: Expecting value at column 11",
            "ROOT/a.jsonl:4: expected a JSON object, found a list",
            "ROOT/a.jsonl:5: expected a JSON object, found a single value",
            "ROOT/a.jsonl:6: text is missing",
            "ROOT/a.jsonl:7: is not UTF-8 text",
        ]

    def test_a_warning_comes_with_the_article(self, folder: Folder) -> None:
        record = {**RECORD, "published": "8 Marchh", "url": "javascript:alert(1)"}
        article, *rest = read([folder.write("a.ndjson", json.dumps(record))])
        assert isinstance(article, Article)
        assert folder.problems(*rest) == [
            'ROOT/a.ndjson:1: url "javascript:alert(1)" dropped: it is not an http or https address',
            'ROOT/a.ndjson:1: published "8 Marchh" is not an ISO 8601 date; kept without a date',
        ]

    def test_hostile_lines(self, folder: Folder) -> None:
        lines = [b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b'{"title": "\\ud800", "text": "x\\u0000y"}']
        items = list(read([folder.write("a.jsonl", b"\n".join(lines))]))
        assert [(a.title, a.text) for a in articles(*items)] == [("\ufffd", "xy")]
        assert [line.split(": ", 1)[1][:12] for line in problems(*items)] == ["invalid JSON"] * 2

    def test_a_byte_order_mark_and_windows_line_ends(self, folder: Folder) -> None:
        items = list(read([folder.write("a.jsonl", b"\xef\xbb\xbf" + LINE.replace(b"\n", b"\r\n") * 2)]))
        assert len(articles(*items)) == len(items) == 2

    def test_no_text(self, folder: Folder) -> None:
        assert folder.problem("a.jsonl", b"\x00\x01\n" * 9) == "a.jsonl: is not UTF-8 text"
        assert folder.problem("b.jsonl", LINE.decode().encode("utf-16")) == "b.jsonl: is not UTF-8 text"
        assert folder.problem("c.jsonl", b"\n \n") == "c.jsonl: is empty"

    def test_a_line_over_the_limit_is_passed_over(self, folder: Folder) -> None:
        path = folder.write("a.jsonl", LINE + b'{"title": "' + b"x" * 3_000_000 + b'"}\n' + LINE)
        items = list(read([path], max_bytes=len(LINE)))
        assert len(articles(*items)) == 2
        assert folder.problems(*items) == [f"ROOT/a.jsonl:2: is larger than the limit of {len(LINE)} bytes"]

    def test_it_is_a_stream(self) -> None:
        class Endless(io.RawIOBase):
            held = 0

            def readline(self, size: int | None = -1, /) -> bytes:
                self.held += 1
                return LINE

        source = Endless()
        reading = read(["-"], stdin=cast(BinaryIO, source))
        assert len([next(reading) for _ in range(1000)]) == 1000
        assert source.held <= 1001

    def test_the_characters_of_one_text_are_limited(self, folder: Folder) -> None:
        path = folder.write("a.jsonl", LINE)
        assert folder.problems(*read([path], max_characters=5)) == [
            "ROOT/a.jsonl:1: text is 11 characters long, the limit is 5"
        ]


class TestJson:
    @pytest.mark.parametrize(
        "content",
        [
            LINE * 2,
            json.dumps([RECORD, RECORD]).encode(),
            b"\n\n" + json.dumps([RECORD, RECORD], indent=2).encode(),
            json.dumps([RECORD, RECORD], indent=2).encode("utf-16"),
            b"\xef\xbb\xbf" + json.dumps([RECORD, RECORD], indent=2).encode(),
        ],
        ids=["lines", "list", "indented list", "UTF-16", "byte order mark"],
    )
    def test_two_articles(self, folder: Folder, content: bytes) -> None:
        items = list(read([folder.write("a.json", content)]))
        assert len(articles(*items)) == len(items) == 2

    @pytest.mark.parametrize("indent", [None, 2])
    def test_one_article(self, folder: Folder, indent: int | None) -> None:
        assert folder.read("a.json", json.dumps(RECORD, indent=indent)).title == "Title"

    def test_what_is_wrong_is_placed(self, folder: Folder) -> None:
        assert folder.problem("a.json", b'\n[\n {"title": 1,}\n]') == (
            "a.json:3: invalid JSON: Expecting property name enclosed in double quotes at column 14"
        )
        assert folder.problem("b.json", json.dumps([RECORD, 5])) == (
            "b.json, item 2: expected a JSON object, found a single value"
        )
        assert folder.problem("c.json", b'[\n"\xff"]') == "c.json:2: is not UTF-8 text"
        assert folder.problem("d.json", b"[]") == "d.json: is empty"
        assert folder.problem("e.json", b" ") == "e.json: is empty"
        assert folder.problem("f.json", b"{bad}\n" + LINE) == (
            "f.json:1: invalid JSON: Expecting property name enclosed in double quotes at column 2"
        )
        assert folder.problem("g.json", b"[\n" + b" " * 999 + b"]", max_bytes=99) == (
            "g.json: is larger than the limit of 99 bytes"
        )


class TestPlainText:
    def test_a_first_line_of_its_own_is_the_title(self, folder: Folder) -> None:
        article = folder.read("a.txt", "Dam opens: a “first”?\r\n\r\nIt opened.\r\nOn Friday.")
        assert (article.title, article.text) == ("Dam opens: a “first”?", "It opened.\nOn Friday.")

    @pytest.mark.parametrize(
        "text",
        [
            "A sentence of its own.\n\nMore words.",
            "“A quotation of its own.”\n\nMore words.",
            "Dear Sir,\n\nMore words.",
            "One line\nand another\n\nMore words.",
            "x" * 201 + "\n\nMore words.",
            "Only one line",
        ],
    )
    def test_anything_else_stays_whole_under_the_name_of_the_file(self, folder: Folder, text: str) -> None:
        article = folder.read("seed-article_2.txt", text)
        assert (article.title, article.text) == ("seed article 2", text)

    def test_a_name_without_a_word_gives_way_to_the_opening_words(self, folder: Folder) -> None:
        text = (
            "Opposition parties have urged the government to intervene diplomatically, as Damascus faces accusations."
        )
        title = "Opposition parties have urged the government to intervene diplomatically, as…"
        assert folder.read("000_2e3c402dd568e7bb.txt", text).title == title
        assert folder.read("1.txt", "Few words.\nMore").title == "Few words."
        assert folder.read("2.txt", "x" * 99).title == "x" * 80 + "…"

    def test_text_is_kept_verbatim(self, folder: Folder) -> None:
        text = "He said: “5 * 3 is _not_ [sic] 50 %.”\n\tIndented & <b>bold</b> — café.\n\n# Not a heading"
        assert folder.read("a.txt", text).text == text

    def test_its_id_is_its_content(self, folder: Folder) -> None:
        one, two = folder.read("story.txt", "Words."), folder.read("sub/story.txt", "Words.")
        assert one == two
        assert one.id.startswith("sha256-")

    def test_too_large_or_empty(self, folder: Folder) -> None:
        assert folder.problem("a.txt", b"x" * 11, max_bytes=10) == "a.txt: is larger than the limit of 10 bytes"
        assert folder.problem("b.txt", b" \n") == "b.txt: text is empty"
        assert folder.read("c.txt", b"x" * 10_000).text


class TestEncodings:
    FRENCH = "Le président français a déclaré à l’Élysée : « C’est nécessaire, dès la rentrée. » "
    TURKISH = "Özgür Özel, şiddet olaylarından büyük endişe duyduğunu söyledi; dışişleri bakanı konuştu. "
    RUSSIAN = "Президент заявил в пятницу, что переговоры будут продолжены на следующей неделе в Женеве. "
    POLISH = "Prezydent powiedział w piątek, że rząd będzie kontynuował rozmowy. Źródła to potwierdziły. "
    CHINESE = "总理星期五表示，下周的会谈将讨论贸易协定问题。"

    @pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_unicode(self, folder: Folder, codec: str) -> None:
        assert folder.read("a.txt", self.TURKISH.encode(codec)).text == self.TURKISH.strip()
        assert decode(self.TURKISH.encode(codec)) == (self.TURKISH, ())

    @pytest.mark.parametrize(
        ("text", "codec"),
        [
            (FRENCH, "cp1252"),
            (TURKISH, "cp1254"),
            (RUSSIAN, "cp1251"),
            (RUSSIAN, "koi8_r"),
            (POLISH, "cp1250"),
            (CHINESE * 3, "gb18030"),
            ("Déjà vu", "cp1252"),
            ("A café. " + "Plain words. " * 50, "cp1252"),
        ],
    )
    def test_others_are_guessed_and_said_to_be(self, text: str, codec: str) -> None:
        decoded, (warning,) = decode(text.encode(codec))
        assert decoded == text
        assert warning.endswith("which is a guess")

    def test_a_few_bad_bytes_do_not_make_it_another_encoding(self, folder: Folder) -> None:
        article, problem = read([folder.write("a.txt", self.TURKISH.encode() + b"bad \xff byte")])
        assert isinstance(article, Article)
        assert article.text == self.TURKISH + "bad \ufffd byte"
        assert str(problem).endswith("a.txt: has bytes that are not utf-8; each is shown as \ufffd")

    @pytest.mark.parametrize("data", [b"\x7fELF\0\0", b"\x89PNG\r\n\x1a\n\xff\xfe", bytes(range(1, 256)) * 9])
    def test_what_is_no_text(self, folder: Folder, data: bytes) -> None:
        for name in ("a.txt", "a.md", "a.html"):
            assert folder.problem(name, data) == f"{name}: is not text"

    @pytest.mark.parametrize("declared", ["utf-16", "utf-7", "base64", "idna", "unicode_escape", "no-such", "\0", None])
    def test_false_claims_are_not_believed(self, declared: str | None) -> None:
        assert decode(rb"Plain words \u0041+AGE-.", declared) == (r"Plain words \u0041+AGE-.", ())

    @given(st.binary(), st.sampled_from([None, "utf-8", "iso-8859-1", "gb2312", "shift_jis", "iso-2022-jp", "hz"]))
    def test_any_bytes_give_text_or_a_reason(self, data: bytes, declared: str | None) -> None:
        try:
            text, _ = decode(data, declared)
        except UsageError as error:
            assert str(error) == "is not text"  # noqa: PT017
        else:
            normalise(text).encode()


class TestMarkdown:
    def test_front_matter_maps_onto_the_fields(self, folder: Folder) -> None:
        article = folder.read(
            "a.md",
            "---\nTitle: 1984\nid: 12:30\ndate: 2025-03-08 10:00:00 +0100\nauthor: [A B, C]\nlang: en\nurl: ~\n"
            "source: The Paper\ntags: {a: [1]}\n---\n\nWords.\n",
        )
        assert article == Article(
            id="12:30",
            title="1984",
            text="Words.",
            source="The Paper",
            published="2025-03-08T10:00:00+01:00",
            authors=("A B", "C"),
            language="en",
            format="Markdown",
        )

    @pytest.mark.parametrize(
        ("front", "reason"),
        [
            ("title: x\nsource: Foo: bar", "invalid front matter on line 3: mapping values are not allowed here"),
            ("title: x\x01", "invalid front matter on line 2: a character that YAML does not allow"),
            ("a: " + "[" * 5000, "invalid front matter: it is nested too deeply"),
            ("title: !!python/object/apply:os.system ['x']", "title must be text, not a list"),
            ("title: {a: b}", "title must be text, not an object"),
        ],
    )
    def test_bad_front_matter(self, folder: Folder, front: str, reason: str) -> None:
        assert folder.problem("a.md", f"---\n{front}\n---\nWords.") == f"a.md: {reason}"

    def test_rules_are_not_front_matter(self, folder: Folder) -> None:
        assert folder.read("a.md", "---\nJust words\n---\nMore.").text == "Just words\n\nMore."
        assert folder.read("b.md", "---\nNever closed.").text == "Never closed."
        assert folder.read("c.md", "---\r\n---\r\n# T\r\n\r\nWords.").title == "T"

    def test_the_title_is_the_first_top_heading(self, folder: Folder) -> None:
        article = folder.read("a.md", "By A. B.\n\n# Dam *opens*\n\n## Why\n\nWords.\n\n# Another\n")
        assert (article.title, article.text) == ("Dam opens", "By A. B.\n\nWhy\n\nWords.\n\nAnother")
        same = folder.read("b.md", "---\ntitle: Dam opens\n---\n# Dam opens\n\nWords.")
        assert (same.title, same.text) == ("Dam opens", "Words.")
        other = folder.read("c.md", "---\ntitle: Dam opens\n---\n# Background\n\nWords.")
        assert (other.title, other.text) == ("Dam opens", "Background\n\nWords.")
        assert folder.read("dam-opens.md", "Words.").title == "dam opens"

    @pytest.mark.parametrize(
        ("source", "text"),
        [
            ("*One* __two__ ~~three~~ `four_4`", "One two three four_4"),
            ("[text](https://x.org 'title') <https://y.org> [ref][1]\n\n[1]: https://z.org", "text https://y.org ref"),
            ("![alt](a.png)\n\nWords ![alt](b.png).", "Words ."),
            ("soft\nbreak  \nhard<br>tag", "soft break\nhard\ntag"),
            ("- one\n- two\n  - three\n\n  more", "- one\n- two\n- three\nmore"),
            ("3) three\n4) four", "3) three\n4) four"),
            ("> quoted\n> words\n>\n> > twice", "quoted words\n\ntwice"),
            ("```py\nx  = 1\n\ny\n```", "x  = 1\n\ny"),
            ("| a | b |\n|---|---|\n| 1 | *2* |", "a | b\n1 | 2"),
            ("<div><p>One</p><p>5 &lt; 6</p><script>x</script><!-- no --></div>", "One\n5 < 6"),
            ("a <b>bold</b> word &amp; more", "a bold word & more"),
            ("One\n\n***\n\nSub\n---", "One\n\nSub"),
            (">" * 60 + " deep", "deep"),
        ],
    )
    def test_markup_becomes_what_a_reader_sees(self, folder: Folder, source: str, text: str) -> None:
        assert folder.read("a.md", source).text == text

    @pytest.mark.parametrize(
        "paragraph",
        [
            'He said "5 * 3", “quoted” – it\'s snake_case_name [sic] (x) [1].',
            "It cost $5*3 and 2*4*5, or 2**10; a < b > c & d.",
            "1986. A great year.",
            "#hashtag and @name, 50% of $3.50 ... and _so on",
            "C:\\path and 2025-03-08",
        ],
    )
    def test_plain_paragraphs_are_verbatim(self, folder: Folder, paragraph: str) -> None:
        assert folder.read("a.md", f"{paragraph}\n\nMore.").text == f"{paragraph}\n\nMore."

    @given(st.text(alphabet="ab1 \n#*_`[]()<>!-|>:~\\&;\t+.x="))
    def test_any_markdown_is_read(self, source: str) -> None:
        document = parse_markdown(source.encode(), "name")
        assert isinstance(document.fields["text"], str)

    @given(st.lists(st.sampled_from(["340", "civilians", "were", "executed.", "“Özel”"]), min_size=1))
    def test_words_are_never_lost(self, words: list[str]) -> None:
        text = " ".join(words)
        assert parse_markdown(f"# T\n\n- {text}\n\n> {text}".encode(), None).fields["text"] == f"- {text}\n\n{text}"


class TestHtml:
    def test_a_page(self, folder: Folder) -> None:
        article = folder.read("a.html", PAGE.format(charset="utf-8"))
        assert article == Article(
            id="https://example.org/2025/dam",
            title="Dam opens",
            text="The dam at Ilısu was opened on Friday, officials said, after nine years of work by 2,000 people.\n"
            "“It is done,” said the minister. Engineers from five countries had advised on its foundations.",
            url="https://example.org/2025/dam?utm_source=x",
            source="The Paper",
            published="2025-03-08T10:00:00+03:00",
            authors=("Ayşe Demir",),
            language="tr",
            format="HTML",
        )

    @pytest.mark.parametrize("declared", ["iso-8859-9", "windows-1254"])
    def test_the_declared_encoding(self, folder: Folder, declared: str) -> None:
        page = PAGE.format(charset=declared)
        assert folder.read("a.htm", page.encode("cp1254")) == folder.read("b.html", PAGE.format(charset="utf-8"))
        assert "Ilısu" in folder.read("c.html", page.encode()).text  # the claim is false, the bytes are UTF-8

    def test_other_declarations(self) -> None:
        assert decode("首相は述べた。".encode("iso-2022-jp"), "iso-2022-jp") == ("首相は述べた。", ())
        assert decode("“Déjà”".encode("cp1252"), "ISO-8859-1") == ("“Déjà”", ())

    def test_xhtml_with_a_declaration(self, folder: Folder) -> None:
        page = '<?xml version="1.0" encoding="iso-8859-1"?>\n' + PAGE.format(charset="iso-8859-1").replace("ş", "")
        article = folder.read("a.xhtml", page.replace("ı", "i").encode("cp1252"))
        assert "“It is done,”" in article.text

    @pytest.mark.parametrize(
        "link",
        [
            '<link rel="canonical" href="https://example.org/">',
            '<base href="https://example.org/news/">',
            '<link rel="canonical" href="/relative">',
            '<link rel="canonical" href="javascript:alert(1)">',
            '<link rel="canonical" href="http://[broken">',
        ],
    )
    def test_an_address_that_names_no_article_is_none(self, folder: Folder, link: str) -> None:
        article = folder.read(
            "dam-story.html", f"<html><head>{link}</head><body><p>Words of the story.</p></body></html>"
        )
        assert (article.title, article.url) == ("dam story", None)
        assert article.id.startswith("sha256-")

    def test_entities_that_a_page_defines_itself_stay_as_they_are_written(self, folder: Folder) -> None:
        levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
        outside = '<!ENTITY out SYSTEM "file:///etc/passwd">'
        page = PAGE.format(charset="utf-8").replace("“It is done,”", "&l8; &out; &eacute;t&eacute;,")
        article = folder.read("a.html", page.replace(" html>", f' html [<!ENTITY l0 "ha">{levels}{outside}]>', 1))
        assert "&l8; &out; été, said the minister." in article.text

    def test_part_of_a_page(self, folder: Folder) -> None:
        assert folder.read("dam-story.html", "<p>Words of the story.</p>").text == "Words of the story."

    @pytest.mark.parametrize(
        "page",
        ["", "<html><body><script>alert(1)</script></body></html>", "<html></html>", "<html><body>" + "<div>" * 9000],
    )
    def test_no_article(self, folder: Folder, page: str, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            assert folder.problem("a.html", page, max_bytes=99_999) == "a.html: no article text found"
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


class TestStdin:
    def read(self, content: str | bytes) -> list[Article | Problem]:
        return list(read(["-"], stdin=io.BytesIO(content.encode() if isinstance(content, str) else content)))

    @pytest.mark.parametrize(
        ("content", "title", "text"),
        [
            (b"\n" + LINE, "Title", "Some words."),
            (json.dumps([RECORD], indent=1), "Title", "Some words."),
            (json.dumps([RECORD]), "Title", "Some words."),
            (json.dumps(RECORD, indent=1), "Title", "Some words."),
            (b"\xef\xbb\xbf" + LINE, "Title", "Some words."),
            ("Dam opens\n\nLine *one*\nLine two", "Dam opens", "Line *one*\nLine two"),
            ("No title here.\nLine two", "No title here.", "No title here.\nLine two"),
            ("[Reuters] Dam opens.\nLine two", "[Reuters] Dam opens.", "[Reuters] Dam opens.\nLine two"),
            ("# Dam opens\n\nLine *one*\nLine two", "Dam opens", "Line one Line two"),
            ("---\ntitle: Dam opens\n---\nWords.", "Dam opens", "Words."),
            ("Words with a [link](https://x.org).", "Words with a link.", "Words with a link."),
            ("\n<html><head><title>Dam opens</title></head><body><p>Words.</p></body></html>", "Dam opens", "Words."),
        ],
    )
    def test_what_it_opens_with_decides(self, content: str | bytes, title: str, text: str) -> None:
        (article,) = self.read(content)
        assert isinstance(article, Article), article
        assert (article.title, article.text) == (title, text)

    def test_problems_name_it(self) -> None:
        assert problems(*self.read(LINE + b"{\n")) == [
            "stdin:2: invalid JSON: Expecting property name enclosed in double quotes at column 2"
        ]
        assert problems(*self.read(b"")) == ["stdin: is empty"]
        assert problems(*self.read(b"\x89PNG\0")) == ["stdin: is not text"]
        (large,) = read(["-"], stdin=io.BytesIO(b"x\n" * 50), max_bytes=99)
        assert str(large) == "stdin: is larger than the limit of 99 bytes"

    def test_what_breaks_off_keeps_what_came_before(self) -> None:
        class Broken(io.BytesIO):
            def readline(self, size: int | None = -1, /) -> bytes:
                if line := super().readline(-1 if size is None else size):
                    return line
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        items = list(read(["-"], stdin=Broken(LINE)))
        assert [article.title for article in articles(*items)] == ["Title"]
        assert problems(*items) == ["stdin: cannot be read: Input/output error"]

    def test_it_is_not_closed_and_files_may_follow(self, folder: Folder) -> None:
        source = io.BytesIO(LINE)
        both: Iterator[Article | Problem] = read(["-", folder.write("a.txt", "Words.")], stdin=source)
        assert len(articles(*both)) == 2
        assert not source.closed
