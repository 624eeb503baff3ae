"""Exports, feeds, documents and archives as newsrooms have them, through `read`; and what is hostile among them."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from rag.readers import read
from rag.readers.formats import format_of, sniff
from rag.readers.markup import text_of
from rag.types import Article, Problem

RECORD = {"title": "Dam opens", "text": "The dam was opened on Friday."}
LINE = json.dumps(RECORD).encode() + b"\n"
LONG = "The dam was opened on Friday, officials said, after nine years of work by two thousand people. " * 4


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, content: str | bytes) -> str:
        path = self.root / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def read(self, name: str, content: str | bytes, max_bytes: int = 1 << 20) -> tuple[list[Article], list[str]]:
        """The articles, and the problems without the folder's name."""
        items = list(read([self.write(name, content)], max_bytes=max_bytes))
        problems = [str(item).removeprefix(f"{self.root}{os.sep}") for item in items if isinstance(item, Problem)]
        return [item for item in items if isinstance(item, Article)], problems

    def problem(self, name: str, content: str | bytes, max_bytes: int = 1 << 20) -> str:
        found, (only,) = self.read(name, content, max_bytes)
        assert found == []
        return only


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def zipped(members: dict[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def pdf(*pages: list[str], title: str | None = None) -> bytes:
    """A PDF with these lines of text, written by hand: pypdf only reads."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", ""]
    kids = []
    for lines in pages:
        shown = " ".join(f"({line}) Tj 0 -14 Td" for line in lines)
        stream = f"BT /F1 12 Tf 50 750 Td {shown} ET"
        objects.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
        font = "<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
        contents = len(objects)
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources{font}/Contents {contents} 0 R>>")
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<</Type/Pages/Kids[{' '.join(kids)}]/Count {len(kids)}>>"
    objects.append(f"<</Title({title or ''})/CreationDate(D:20250308101500+01'00')>>")
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj{content}endobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    end += f"trailer<</Size {len(objects) + 1}/Root 1 0 R/Info {len(objects)} 0 R>>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + end.encode()


class TestFormat:
    @pytest.mark.parametrize(
        ("head", "expected"),
        [
            (b"%PDF-1.7", "PDF"),
            (b"PK\x03\x04", "ZIP"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"WARC/1.0\r\n", "WARC"),
            (b'<?xml version="1.0"?><!-- x --><rss version="2.0">', "feed"),
            (b"\xef\xbb\xbf<feed xmlns='http://www.w3.org/2005/Atom'>", "feed"),
            (b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]><rss>', "feed"),
            ('<?xml version="1.0"?><rss>'.encode("utf-16"), "feed"),
            (b"<g2:newsItem xmlns:g2='http://iptc.org/std/nar/2006-10-01/'>", "NewsML-G2"),
            (b"<nitf>", "NewsML-G2"),
            (b"<!doctype html><title>", "HTML"),
            (b"From a@b.org Sat Mar  8 10:15:00 2025\n", "mbox"),
            (b"From the start of 1990 prices rose", None),
            (b"Plain words", None),
            (b"", None),
        ],
    )
    def test_what_a_file_opens_with(self, head: bytes, expected: str | None) -> None:
        assert sniff(head) == expected if not head.startswith(b"From the") else sniff(head) in (None, "mbox")

    def test_comments_without_end_take_no_time(self) -> None:
        assert sniff(b"<!---->" * 500 + b"x") is None

    @pytest.mark.parametrize(
        ("head", "extension", "expected", "warned"),
        [
            (b"%PDF-1.7", ".txt", "PDF", True),
            (b"<!doctype html>", ".pdf", "HTML", True),
            (b"<rss>", ".html", "feed", True),
            (b"<rss>", ".xml", "feed", False),
            (b"<html>", ".txt", "text", False),
            (b"{}", ".txt", "text", False),
            (b"{}", ".jsonl", "JSON Lines", False),
            (b"PK\x03\x04", ".docx", "ZIP", False),
            (b"<p>Words", ".html", "HTML", False),
            (b"Words", ".css", None, False),
            (b"<rss>", "", "feed", False),
        ],
    )
    def test_content_goes_before_the_name(self, head: bytes, extension: str, expected: str, warned: bool) -> None:
        found, warning = format_of(head, extension)
        assert (found, warning is not None) == (expected, warned)

    def test_a_wrong_name_is_said(self, folder: Folder) -> None:
        found, problems = folder.read("page.pdf", f"<!doctype html><title>Dam opens</title><p>{LONG}</p>")
        assert [a.title for a in found] == ["Dam opens"]
        assert problems == ["page.pdf: is named .pdf but holds HTML; read as that"]


class TestTables:
    @pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
    def test_a_header_in_other_words(self, folder: Folder, mark: str) -> None:
        header = mark.join(["Headline", "Body", "Outlet", "Publish date", "Byline", "Link", "Clicks"])
        row = mark.join(
            ['"Dam, opens; at | last"', '"One.\nTwo ""three""."', "The Paper", "2025-03-08", "A B", "", "9"]
        )
        found, problems = folder.read("a.csv", f"{header}\r\n{row}\r\n")
        assert problems == []
        assert found[0].title == "Dam, opens; at | last"
        assert found[0].text == 'One.\nTwo "three".'
        assert (found[0].source, found[0].published, found[0].authors) == ("The Paper", "2025-03-08", ("A B",))

    def test_bad_rows_do_not_stop_the_good_ones(self, folder: Folder) -> None:
        rows = ["title,text,authors", "One,Words.,A B; C D", "Two", "Three,a,b,c", "", "Four,Words."]
        found, problems = folder.read("a.csv", "\n".join(rows))
        assert [(a.title, a.authors) for a in found] == [("One", ("A B", "C D")), ("Four", ())]
        assert problems == ["a.csv:3: text is missing", "a.csv:4: has 4 columns, the first line 3; not read"]

    def test_what_is_no_table(self, folder: Folder) -> None:
        assert folder.problem("a.csv", "") == "a.csv: is empty"
        assert folder.problem("b.csv", "a,b\n1,2") == "b.csv: its first line names no column for title and text"
        assert folder.problem("c.tsv", "title\ttext\n") == "c.tsv: has no rows below its first line"
        assert folder.problem("d.csv", b"title,text\nOne,\0\n") == "d.csv:2: is not text"

    @pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
    def test_unicode(self, folder: Folder, codec: str) -> None:
        (article,), problems = folder.read("a.csv", "title,text\nÖzgür,“Şiddet”\n".encode(codec))
        assert (article.title, article.text, problems) == ("Özgür", "“Şiddet”", [])

    def test_an_encoding_that_is_guessed_is_said_once(self, folder: Folder) -> None:
        rows = "title,text\n" + "Élysée,« C’est nécessaire, dès la rentrée »\n" * 3
        found, problems = folder.read("a.csv", rows.replace(", dès", " dès").encode("cp1252"))
        assert {a.title for a in found} == {"Élysée"}
        assert problems == ["a.csv:2: is not UTF-8; read as cp1252, which is a guess"]

    def test_a_quotation_mark_that_never_ends(self, folder: Folder) -> None:
        found, problems = folder.read("a.csv", 'title,text\nOne,Words.\nTwo,"' + "x\n" * 9000 + "Three,Words.\n", 999)
        assert found[0].title == "One"
        assert problems[0].endswith("is larger than the limit of 999 bytes")
        assert found[-1].title == "Three"


class TestJson:
    def test_an_object_with_a_list(self, folder: Folder) -> None:
        for indent in (None, 1):
            found, problems = folder.read(
                "a.json", json.dumps({"status": "ok", "articles": [RECORD, {}]}, indent=indent)
            )
            assert len(found) == 1
            assert [line.split(": ")[1] for line in problems] == ["text is missing"]

    def test_other_names(self, folder: Folder) -> None:
        record = {"headline": "T", "content": "Words.", "publishedAt": "2025-03-08T10:00:00Z", "source": {"name": "P"}}
        (article,), _ = folder.read("a.json", json.dumps(record | {"author": [{"name": "A"}], "date": "1999-01-01"}))
        assert (article.title, article.text, article.source, article.authors) == ("T", "Words.", "P", ("A",))
        assert article.published == "2025-03-08T10:00:00+00:00"

    def test_our_names_go_first(self, folder: Folder) -> None:
        (article,), _ = folder.read("a.json", json.dumps({"body": "Other.", "headline": "Other", **RECORD}))
        assert (article.title, article.text) == (RECORD["title"], RECORD["text"])

    def test_ninjs(self, folder: Folder) -> None:
        one = {"uri": "urn:x:1", "headline": "T", "body_xhtml": "<p>One.</p><p>Two &amp; three.</p>", "byline": "By A"}
        two = {
            "uri": "https://paper.example/2",
            "headlines": [{"role": "short", "value": "S"}, {"role": "main", "value": "T"}],
            "bodies": [{"role": "main", "contentType": "text/html", "value": "<p>Words.</p>"}],
            "firstCreated": "2025-03-08T10:00:00+01:00",
            "infoSources": [{"name": "The Paper"}],
        }
        gone = {**one, "pubstatus": "canceled"}
        found, problems = folder.read("a.json", json.dumps([one, two, gone]))
        assert [(a.id, a.title, a.text) for a in found] == [
            ("urn:x:1", "T", "One.\nTwo & three."),
            ("https://paper.example/2", "T", "Words."),
        ]
        assert (found[1].url, found[1].source, found[1].published) == (
            "https://paper.example/2",
            "The Paper",
            "2025-03-08T10:00:00+01:00",
        )
        assert problems == ["a.json, item 3: its provider marks it canceled; it is not read"]


FEED = """<?xml version="1.0" encoding="iso-8859-9"?><rss version="2.0"
 xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>The Paper</title><language>tr</language>
<item><title>Dam &amp; road open</title><link>https://paper.example/1</link><description>Short.</description>
<content:encoded><![CDATA[<p>Ilısu: the dam <b>was</b> opened.</p><script>x</script><p>On Friday.</p>]]>
</content:encoded>
<pubDate>Sat, 08 Mar 2025 10:15:00 +0300</pubDate><author>a@paper.org (Ayşe Demir)</author></item>
<item><title>Second</title><description>Words.</description><pubDate>soon</pubDate></item>
<item><title>Only a link</title><link>https://paper.example/3</link></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>The Wire</title>
<entry><title type="html">A &lt;i&gt;title&lt;/i&gt;</title><id>urn:1</id><link href="https://wire.example/1"/>
<updated>2025-03-08T10:15:00Z</updated><author><name>A B</name></author>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One.</p><p>Two.</p></div></content></entry></feed>"""


class TestFeeds:
    @pytest.mark.parametrize("opening", ["<", "<a ", "</", "<!--", "<!", "<a b='"])
    def test_tags_that_never_end_take_no_time(self, opening: str) -> None:
        started = time.process_time()
        assert text_of(f"<p>Words.</p>{opening * 30_000}").startswith("Words.")
        assert time.process_time() - started < 10  # minutes, where each of them is looked for to the end

    @pytest.mark.parametrize("name", ["a.xml", "a.rss"])
    def test_rss(self, folder: Folder, name: str) -> None:
        found, problems = folder.read(name, FEED.encode("iso-8859-9"))
        assert [(a.title, a.text) for a in found] == [
            ("Dam & road open", "Ilısu: the dam was opened.\nOn Friday."),
            ("Second", "Words."),
        ]
        assert (found[0].id, found[0].source, found[0].language) == ("https://paper.example/1", "The Paper", "tr")
        assert (found[0].published, found[0].authors) == ("2025-03-08T10:15:00+03:00", ("Ayşe Demir",))
        assert problems == [
            f'{name}, entry 2: published "soon" is not an ISO 8601 date; kept without a date',
            f"{name}, entry 3: text is empty",
        ]

    def test_atom(self, folder: Folder) -> None:
        (article,), problems = folder.read("a.atom", ATOM)
        assert (article.title, article.text, article.source) == ("A title", "One.\nTwo.", "The Wire")
        assert (article.published, article.authors, problems) == ("2025-03-08T10:15:00+00:00", ("A B",), [])

    @pytest.mark.parametrize("written", ["2025-13-45", "1741392000", "08/03/2025", "0000-00-00", "2025-03"])
    def test_no_day_is_made_of_a_bad_date(self, folder: Folder, written: str) -> None:
        """2025-13-45 is no 1 January 2026, and 1741392000 no day of 1742."""
        found, problems = folder.read("a.rss", FEED.replace("soon", written))
        assert (found[1].title, found[1].published) == ("Second", None)
        assert problems[0] == f'a.rss, entry 2: published "{written}" is not an ISO 8601 date; kept without a date'

    @pytest.mark.parametrize(
        ("written", "published"),
        [("2025/03/08 10:00", "2025-03-08T10:00:00"), ("March 8, 2025", "2025-03-08"),
         ("2025-03-08 오전 10:31:05", "2025-03-08T00:00:00+00:00"),
         ("Sat, 08 Mar 2025 10:00:00 EST", "2025-03-08T10:00:00-05:00")],
    )  # fmt: skip
    def test_dates_as_feeds_write_them(self, folder: Folder, written: str, published: str) -> None:
        found, _ = folder.read("a.rss", FEED.replace("soon", written).replace("iso-8859-9", "utf-8"))
        assert found[1].published == published

    def test_other_xml(self, folder: Folder) -> None:
        assert folder.problem("a.xml", "<svg/>").startswith("a.xml: is XML of a kind that is not read; feeds, ")
        assert folder.problem("b.rss", "<rss version='2.0'><channel/></rss>") == "b.rss: no articles found"
        assert folder.problem("c.rss", "Words.") == "c.rss: is no RSS or Atom feed"


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
NEWSML = """<?xml version="1.0"?>{doctype}<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>
<newsItem guid="urn:newsml:agency:1" xml:lang="en"><rightsInfo><usageTerms>Free.</usageTerms></rightsInfo>
<itemMeta><provider qcode="p:agency"><name>The Agency</name></provider>
<firstCreated>2025-03-08T10:15:00+01:00</firstCreated>
<pubStatus qcode="stat:usable"/></itemMeta><contentMeta><by>By A B</by><language tag="tr"/>
<headline>Dam opens</headline>
</contentMeta><contentSet>
<inlineXML contenttype="application/nitf+xml"><nitf>
<body><body.head><hedline><hl1>No</hl1></hedline>
</body.head><body.content><p>One {entity}<em>two</em>.</p><p>Three.</p></body.content></body></nitf></inlineXML>
</contentSet></newsItem>
<newsItem guid="2"><itemMeta><pubStatus qcode="stat:canceled"/></itemMeta></newsItem>
<newsItem guid="3"><contentSet><remoteContent href="a.jpg"/></contentSet></newsItem></itemSet></newsMessage>"""


class TestNewsML:
    def test_a_message(self, folder: Folder) -> None:
        (article,), problems = folder.read("a.xml", NEWSML.format(doctype="", entity=""))
        assert article == Article(
            id="urn:newsml:agency:1",
            title="Dam opens",
            text="One two.\n\nThree.",
            source="The Agency",
            published="2025-03-08T10:15:00+01:00",
            authors=("A B",),
            language="tr",
            license="Free.",
            byline="By A B",
            format="NewsML-G2",
        )
        assert problems == [
            "a.xml, item 2: its provider marks it stat:canceled; it is not read",
            "a.xml, item 3: has no text",
        ]

    def test_nitf(self, folder: Folder) -> None:
        page = (
            "<nitf><head><docdata><doc-id id-string='7'/><date.issue norm='20250308T101500+0100'/></docdata></head>"
            "<body><body.head><hedline><hl1>T</hl1></hedline><byline>A B</byline></body.head>"
            "<body.content><p>Words.</p></body.content></body></nitf>"
        )
        (article,), problems = folder.read("a.xml", page)
        assert (article.id, article.title, article.text, article.authors) == ("7", "T", "Words.", ("A B",))
        assert (article.published, problems) == ("2025-03-08T10:15:00+01:00", [])

    @pytest.mark.parametrize("entity", ["&b;", "&c;", ""])
    def test_entities_are_refused(self, folder: Folder, entity: str) -> None:
        line = "a.xml: defines XML entities, which are not expanded; it is not read"
        assert folder.problem("a.xml", NEWSML.format(doctype=BOMB, entity=entity)) == line
        assert folder.problem("a.xml", f"{BOMB}{ATOM.replace('One', entity)}") == line

    def test_broken(self, folder: Folder) -> None:
        assert folder.problem("a.xml", "<newsItem><a></newsItem>").startswith(
            "a.xml: is not well-formed XML: mismatched"
        )


class TestDocuments:
    def test_pdf(self, folder: Folder) -> None:
        pages = [
            [
                "The Paper - page 1",
                "The dam was opened on Fri-",
                "day, officials said, after nine years.",
                "2,000 came.",
            ]
        ]
        pages += [[f"The Paper - page {n}", f"More words of the story came on page {n} of it.", str(n)] for n in (2, 3)]
        (article,), problems = folder.read("a.pdf", pdf(*pages, title="Dam opens"))
        assert article.title == "Dam opens"
        assert article.text.startswith(
            "The dam was opened on Friday, officials said, after nine years. 2,000 came.\n\nMore"
        )
        assert article.text.endswith("page 3 of it.")
        assert "The Paper" not in article.text
        assert (article.published, problems) == ("2025-03-08T10:15:00+01:00", [])

    def test_pdf_without_text(self, folder: Folder) -> None:
        line = "scan.pdf: the PDF has no text layer; run OCR on it first, for example with ocrmypdf"
        assert folder.problem("scan.pdf", pdf([])) == line
        assert folder.problem("b.pdf", b"%PDF-1.4 nothing").startswith("b.pdf: the PDF cannot be read: ")

    def test_pdf_with_a_password(self, folder: Folder) -> None:
        from pypdf import PdfReader, PdfWriter

        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(["Words."]))))
        writer.encrypt("secret", algorithm="RC4-128")
        data = io.BytesIO()
        writer.write(data)
        assert folder.problem("a.pdf", data.getvalue()) == "a.pdf: the PDF is locked with a password"

    def test_docx(self, folder: Folder) -> None:
        from docx import Document

        document = Document()
        document.add_heading("Dam opens", 0)
        document.add_paragraph("The dam was opened.")
        table = document.add_table(rows=1, cols=2)
        table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Cost", "5"
        document.core_properties.author = "A B"
        data = io.BytesIO()
        document.save(data)
        (article,), problems = folder.read("a.docx", data.getvalue())
        assert (article.title, article.text) == ("Dam opens", "The dam was opened.\n\nCost | 5")
        assert (article.authors, problems) == (("A B",), [])
        broken = zipped({"word/document.xml": "<w"})
        assert folder.problem("b.docx", broken).startswith("b.docx: the Word document cannot be read: ")
        assert folder.problem("c.docx", b"\xd0\xcf\x11\xe0old") == "c.docx: is damaged: File is not a zip file"

    def test_epub(self, folder: Folder) -> None:
        book = {
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="o/p.opf"/></rootfiles></container>',
            "o/p.opf": '<package xmlns:dc="d"><metadata><dc:publisher>The Paper</dc:publisher>'
            "<dc:date>2025-03-08</dc:date></metadata><manifest>"
            '<item id="1" href="a%20b.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="2" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="2"/><itemref idref="1"/></spine></package>',
            "o/a b.xhtml": f"<html><body><h1>Dam <i>opens</i></h1><p>{LONG}</p></body></html>",
            "o/c.xhtml": "<html><body>Cover</body></html>",
        }
        (article,), problems = folder.read("a.epub", zipped({**book}))
        assert (article.title, article.text, article.source) == ("Dam opens", LONG.strip(), "The Paper")
        assert (article.published, problems) == ("2025-03-08", [])
        del book["o/a b.xhtml"]
        assert folder.problem("b.epub", zipped({**book})).startswith("b.epub: the e-book cannot be read: ")

    def test_mail(self, folder: Folder) -> None:
        one = (
            "From a@b.org Sat Mar  8 10:15:00 2025\nFrom: The Wire <a@b.org>\nSubject: =?utf-8?q?=C3=96zg=C3=BCr?=\n"
            "Date: Sat, 08 Mar 2025 10:15:00 +0100\nMessage-ID: <1@b.org>\n\nWords.\n\n>From here on.\n\n"
        )
        two = "From a@b.org Sat Mar  8 10:15:00 2025\nSubject: T\nContent-Type: text/html\n\n<p>One.</p><p>Two.</p>\n\n"
        big = f"From a@b.org Sat Mar  8 10:15:00 2025\nSubject: T\n\n{'x' * 2000}\n\n"
        found, problems = folder.read("a.mbox", one + big + two, max_bytes=1000)
        assert [(a.title, a.text) for a in found] == [("Özgür", "Words.\n\nFrom here on."), ("T", "One.\nTwo.")]
        assert (found[0].id, found[0].source) == ("1@b.org", "The Wire")
        assert found[0].published == "2025-03-08T10:15:00+01:00"
        assert problems == ["a.mbox, message 2: is larger than the limit of 1000 bytes"]
        (single,), _ = folder.read("a.eml", one.partition("\n")[2])
        assert single.title == "Özgür"

    @pytest.mark.parametrize("codec", ["utf-8", "cp1252"])
    def test_headers_of_mail_as_they_were_typed(self, folder: Folder, codec: str) -> None:
        message = "From: Büro Besançon <a@b.org>\nSubject: Été très chaud à Besançon\n\nWords.\n"
        (article,), problems = folder.read("a.eml", message.encode(codec))
        assert (article.title, article.source) == ("Été très chaud à Besançon", "Büro Besançon")
        guess = ["a.eml, message 1: is not UTF-8; read as cp1252, which is a guess"]
        assert problems == (guess if codec == "cp1252" else [])

    @pytest.mark.parametrize("packed", [False, True])
    def test_warc(self, folder: Folder, packed: bool) -> None:
        page = f"<html><head><title>Dam opens</title></head><body><article><p>Ilısu. {LONG}</p></article></body></html>"
        data = b""
        for status, kind in (
            ("200 OK", "text/html; charset=iso-8859-9"),
            ("200 OK", "image/png"),
            ("404 No", "text/html"),
        ):
            answer = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\r\n{page}".encode("iso-8859-9")
            record = (
                "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://paper.example/1\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(answer)}\r\n\r\n"
            ).encode() + answer
            data += gzip.compress(record + b"\r\n\r\n") if packed else record + b"\r\n\r\n"
        kept = page.encode("iso-8859-9").replace(b"Dam opens", b"Lock opens")
        record = (
            "WARC/1.0\r\nWARC-Type: resource\r\nWARC-Target-URI: https://paper.example/2\r\n"
            f"Content-Type: text/html; charset=iso-8859-9\r\nContent-Length: {len(kept)}\r\n\r\n"
        ).encode() + kept
        data += gzip.compress(record + b"\r\n\r\n") if packed else record + b"\r\n\r\n"
        (article, second), problems = folder.read("a.warc.gz" if packed else "a.warc", data)
        assert (second.title, second.id) == ("Lock opens", "https://paper.example/2")
        assert (article.title, article.id, problems) == ("Dam opens", "https://paper.example/1", [])
        assert article.text.startswith("Ilısu. The dam")


class TestArchives:
    def test_of_anything(self, folder: Folder) -> None:
        inner = zipped({"deep/c.txt": "Third.\n\nWords."})
        members: dict[str, bytes] = {
            "a.jsonl": LINE,
            "b.csv": b"title,text\nSecond,Words.\n",
            "in.zip": inner,
            "x.png": b"1",
            "__MACOSX/a.jsonl": b"x",
        }
        for name, content in (
            ("a.zip", zipped({**members})),
            ("b.tar", tarred(members)),
            ("c.tgz", tarred(members, "w:gz")),
            ("d.tar.gz", tarred(members, "w:gz")),
        ):
            found, problems = folder.read(name, content)
            assert [a.title for a in found] == ["Dam opens", "Second", "Third."], name
            assert problems == [f"{name}: 1 file of other types skipped (.png)"]

    def test_problems_name_the_member(self, folder: Folder) -> None:
        _, problems = folder.read("a.zip", zipped({"in/a.jsonl": LINE + b"{\n", "b.zip": zipped({"c.txt": "\0"})}))
        assert [line.partition(": ")[0] for line in problems] == ["a.zip/in/a.jsonl:2", "a.zip/b.zip/c.txt"]

    def test_gzip(self, folder: Folder) -> None:
        found, problems = folder.read("a.jsonl.gz", gzip.compress(LINE + b"{\n"))
        assert len(found) == 1
        assert [line.partition(": ")[0] for line in problems] == ["a.jsonl.gz:2"]
        found, problems = folder.read("b.gz", gzip.compress(b"<rss version='2.0'><channel/></rss>"))
        assert (found, problems) == ([], ["b.gz: no articles found"])
        found, problems = folder.read("c.jsonl.gz", gzip.compress(LINE * 9)[:-8] + b"garbage.")
        assert len(found) == 9
        assert problems[0].startswith("c.jsonl.gz: is damaged: ")

    @pytest.mark.parametrize("name", ["../a.jsonl", "/etc/a.jsonl", "C:\\a.jsonl", "..\\a.jsonl", "a/../../b.jsonl"])
    def test_paths_out_of_it(self, folder: Folder, name: str) -> None:
        line = f"1 with a path out of the archive skipped: {name}"
        found, problems = folder.read("a.zip", zipped({name: LINE, "good.jsonl": LINE}))
        assert (len(found), problems) == (1, [f"a.zip: {line}"])
        found, problems = folder.read("a.tar", tarred({name: LINE, "good.jsonl": LINE}))
        assert (len(found), problems) == (1, [f"a.tar: {line}"])

    def test_links_and_devices(self, folder: Folder) -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
                info = tarfile.TarInfo("a.jsonl")
                info.type, info.linkname = kind, "/etc/passwd"
                archive.addfile(info)
        _, problems = folder.read("a.tar", data.getvalue())
        assert problems == ["a.tar: 3 files of other types skipped (links and devices)", "a.tar: no articles found"]

    def test_a_bomb(self, folder: Folder) -> None:
        bomb = b" " * 3_000_000
        line = "unpacks to far more than its size; the rest of it is not read"
        for name, content in (
            ("a.jsonl.gz", gzip.compress(bomb)),
            ("b.tar.gz", gzip.compress(tarred({"x.bin": bomb, "a.jsonl": LINE}))),
            ("c.zip", zipped({f"{n}.jsonl": b" " * 900 + b"\n" * 30_000 for n in range(99)})),
            ("d.zip", zipped({"in.jsonl.gz.gz": gzip.compress(gzip.compress(bomb))})),
        ):
            found, problems = folder.read(name, content, max_bytes=20_000)
            assert found == [], name
            assert problems[-1] == f"{name}: {line}"
        folder.write("z.txt", "Words.")
        items = list(read([str(folder.root)], max_bytes=20_000))
        assert [item.text for item in items if isinstance(item, Article)] == ["Words."]

    def test_one_huge_member_of_a_good_archive(self, folder: Folder) -> None:
        found, problems = folder.read("a.zip", zipped({"a.txt": b" " * 30_000, "b.jsonl": LINE}), max_bytes=20_000)
        assert len(found) == 1
        assert problems == ["a.zip/a.txt: is larger than the limit of 20000 bytes"]

    def test_archives_in_archives_end(self, folder: Folder) -> None:
        data = zipped({"a.jsonl": LINE})
        for _ in range(2):
            data = zipped({"in.zip": data})
        assert len(folder.read("a.zip", data)[0]) == 1
        problem = folder.problem("a.zip", zipped({"in.zip": data}))
        assert problem == "a.zip/in.zip/in.zip/in.zip: lies 3 archives deep; more than 3 are not read"

    def test_damage_and_secrets(self, folder: Folder) -> None:
        good = zipped({"a.jsonl": LINE * 50, "b.jsonl": LINE})
        assert folder.problem("a.zip", good[:60]).startswith("a.zip: is damaged: ")
        place = good.index(b"a.jsonl") + 9
        found, problems = folder.read("b.zip", good[:place] + b"\xff" * 9 + good[place + 9 :])
        assert (len(found), problems) == (1, ["b.zip/a.jsonl: is damaged"])
        locked = bytearray(zipped({"a.jsonl": LINE}))
        locked[locked.index(b"PK\x01\x02") + 8] |= 1
        _, problems = folder.read("c.zip", bytes(locked))
        assert problems == ["c.zip/a.jsonl: is encrypted"]
        assert folder.problem("d.tar", b"x" * 2000).startswith("d.tar: is damaged: ")


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files and a limit on memory")
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.mbox", "a.txt", "a.json"])
def test_a_line_of_a_gigabyte_is_not_held(folder: Folder, name: str) -> None:
    path = folder.root / name
    path.write_bytes(b"title,text\n" if name == "a.csv" else b"")
    os.truncate(path, 1 << 30)
    after = LINE if "json" in name else b"One,Words.\n"
    with path.open("ab") as stream:
        stream.write(b"\n" + after)
    code = (
        "import resource, sys; from rag.readers import read; "
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "print(*[type(item).__name__ for item in read([sys.argv[1]], max_bytes=4 << 20)]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, timeout=300
    )
    kinds, kib = run.stdout.splitlines()
    assert kinds == ("Problem Article" if "json" in name or name == "a.csv" else "Problem")
    assert int(kib) < 64 * 1024


def test_no_library_is_loaded_before_a_file_of_its_kind() -> None:
    libraries = "feedparser pypdf docx defusedxml warcio trafilatura tarfile".split()
    code = f"import sys; import rag.readers; print([m for m in {libraries!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"
