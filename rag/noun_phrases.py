"""The things a question is about, as phrases in its own words. Layer: pure.

A chunker without a tagger: a phrase is a run of words between function words and verbs, or a run of capitalised words
with the small words inside it ("Syrian Observatory for Human Rights"). Made for short English questions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag import lexical

_WORD = re.compile(r"[^\W_]+(?:[’'./&-](?!s\b)[^\W_]+)*(?:[’']s\b)?", re.UNICODE)
_CONTRACTED = re.compile(
    r"[’'](?:t|d|ve|re|ll|m)$|^(?:what|who|that|it|he|she|there|here|where|how|let)[’']s$", re.IGNORECASE
)
_POSSESSIVE = ("’s", "'s")
_LINK = frozenset("of for and the de del der di la le van von al el".split())
_DETERMINERS = frozenset(
    "the a an this that these those some any its his her their my your our each every which what no of".split()
)
_BEFORE_NOUNS = frozenset(
    """about of for in on at with from by between against during after before into over under near is are was were do
    does did has have had can could will would should many much more""".split()
)
_PLAIN_VERBS = frozenset(
    """accept accuse achieve act add affect agree aim allow announce answer appear apply approve argue arrest arrive
    ask attack attend avoid bake ban become begin believe belong blame bring build buy calculate call cancel carry
    cause celebrate change charge choose claim clean close collapse collect come compare complain concern connect
    consider contain continue contribute control convince cook cost count cover create cut deal decide declare
    decline define deliver demand deny describe destroy detect determine develop die differ disappear discover
    discuss distinguish drink drop earn eat elect emerge employ encourage end enforce enjoy ensure enter establish
    evacuate exist expand expect explain face fall feel fight fill find fire fix flee fly follow form found gain get
    give go govern grow handle hang happen have hear help hire hit hold hope identify improve include increase
    infect influence inform injure interact introduce invent invest involve join keep kill know lack launch lead
    learn leave let lie like live look lose make manage mean measure meet mention move need occur offer open operate
    oppose order originate own pay perform pick plan play prefer prepare prevent produce promise propose protect
    prove provide pull push put qualify question quit raise reach react read receive recognize recommend reduce
    refer refuse reject relate release rely remain remember remove repair replace represent require resign respond
    rise run satisfy say see seem sell send serve set show shut sign sit sleep smell solve speak spend spoil spread
    stand start stay steal stop store study succeed suffer suggest support survive take talk taste teach tell think
    throw tie touch trade train travel treat try turn understand use vary visit vote wait walk want warn watch wear
    win wonder work worry write went made said told got became began came gave took led won lost held knew met ran
    saw sold sent spent stood built bought brought fell rose grew kept paid chose wrote spoke died dying lying tied
    been being is are was were am fought stole fled killed named called born known used based located going made
    done meant heard sound thought felt caught broke drove ate grow""".split()
)
_VERBS = frozenset(lexical.stem(w) for w in _PLAIN_VERBS)
# Neither nouns nor function words: they end a phrase, and are none.
_JOINING = frozenset(
    """besides versus vs like apart via per within without during despite since instead maybe perhaps together
    elsewhere today tonight tomorrow yesterday ever often always already yet still too even soon later earlier ago
    away else alone inside outside around along across toward towards behind beyond whether though although however
    therefore also rather quite almost hmm wow oh right great cool native worried happy dangerous effective safe
    able likely unlikely better cheaper biggest smallest largest fastest really okay ok yes hi hello plus""".split()
)
_ADJECTIVE = re.compile(r".+(?:ous|ful|ive|able|ible|less|ish|ical|ial)")
_GENERIC = frozenset(
    """type types kind kinds sort example examples pros cons advantage advantages disadvantage disadvantages benefit
    benefits effect effects impact impacts role roles history difference differences cause causes reason reasons way
    ways cost costs price prices importance number numbers name names age risk risks symptom symptoms treatment
    treatments origin origins goal goals purpose purposes meaning definition fact facts information detail details
    thing things part parts feature features characteristic characteristics step steps option options problem
    problems issue issues result results consequence consequences relationship amount size rate lot bit list people
    person man woman men women someone anyone everyone somebody something anything everything nothing year years day
    days time times place places question answer source sources article articles story report one ones others other
    good best better bad worst common main important popular different similar new old big large small long short
    high low real key major interesting typical first second third last next top many several various possible
    available specific general called known due able sure true mind sense case back ok okay yes thank thanks hello
    hi please going overview pretty""".split()
)
_NOT_PEOPLE = frozenset(
    """agency airport association army bank bay board bridge broadcaster canyon castle cathedral centre center city
    club coast college commission committee company conference confederation corporation council county court cup
    crisis department district empire federation festival flood force forces foundation fund games gazette
    government group hall harbour herald hospital house industries institute institution island islands kingdom lake
    league mine ministry mission mount mountain mountains museum nations network observatory observer office
    organisation organization park parliament party peak police port post press prize province republic river road
    school sea senate service society square states station street system times tower town trust tunnel union
    university valley water world""".split()
)
_YEARS = re.compile(r"(?:1[0-9]|20)\d\d")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of words of a text: `text[start:end]` with its "the" or "a", `head` without.

    `article`: it had a "the". `generic`: it only says that there is something ("the main reasons"). `solid`: it is
    surely a noun phrase; a single word without anything before it may be a verb that the chunker does not know.
    """

    head: str
    start: int
    end: int
    name: bool
    generic: bool
    solid: bool = True
    article: bool = False

    @property
    def plural(self) -> bool:
        """Whether it looks like several: `bees`, `predators and prey`."""
        last = self.head.split()[-1]
        return (last.endswith("s") and not last.endswith(("ss", "us", "is", "’s", "'s")) and not self.name) or (
            " and " in self.head or last in ("people", "police", "children", "men", "women")
        )

    @property
    def person(self) -> bool:
        """Whether it may name a person: two or three capitalised words, none of them an institution or a place."""
        words = self.head.split()
        small = {"al", "bin", "de", "del", "der", "di", "la", "van", "von", "el"}
        capital = [w for w in words if w.lower() not in small]
        return (
            self.name
            and not self.article
            and 2 <= len(capital) <= 3
            and all(w[0].isupper() and not w.isupper() for w in capital)
            and not any(lexical.fold(w) in _NOT_PEOPLE or lexical.fold(w) in lexical.CALENDAR for w in words)
        )


def phrases(text: str) -> list[Phrase]:
    """The noun phrases of a text, in order."""
    found: list[Phrase] = []
    run: list[re.Match[str]] = []
    words = list(_WORD.finditer(text))
    for i, word in enumerate(words):
        owner = run and text[: run[-1].end()].endswith(_POSSESSIVE) and not word.group()[0].isupper()
        if run and (owner or text[run[-1].end() : word.start()].strip()):
            _close(text, run, words, found)
        if _belongs(text, words, i, bool(run)):
            run.append(word)
        else:
            _close(text, run, words, found)
    _close(text, run, words, found)
    return found


def _belongs(text: str, words: list[re.Match[str]], i: int, running: bool) -> bool:
    word = words[i].group()
    folded = lexical.fold(re.sub(r"[’']s$", "", word))
    named = _named(text, words, i)
    if named:
        return True
    if running and _linked(text, words, i):
        return True
    if (
        _CONTRACTED.search(word)
        or folded in lexical.STOPWORDS
        or folded in _JOINING
        or len(folded) < 2
        or _YEARS.fullmatch(folded)
    ):
        return False
    if not may_be_verb(folded):
        return not folded.endswith("ly") or folded in ("family", "supply", "assembly", "july", "anomaly")
    # Also a verb: a noun only behind a determiner or an adjective ("the attack", "his living room").
    before = words[i - 1].group() if i else ""
    return lexical.fold(before) in _DETERMINERS - {"what", "which", "that", "no"} or before.endswith(_POSSESSIVE)


def may_be_verb(folded: str) -> bool:
    """Whether a folded word is a verb that is known here, in any of its forms."""
    if folded.endswith("ed") and len(folded) > 3 and not folded.endswith("eed"):
        return True
    nominal = folded.endswith(("er", "ers", "or", "ors", "tion", "tions", "ment", "ments", "ance", "ence", "y"))
    own = folded in _PLAIN_VERBS
    return own or (lexical.stem(folded) in _VERBS and not nominal)


def _named(text: str, words: list[re.Match[str]], i: int) -> bool:
    word = words[i].group()
    if _CONTRACTED.search(word):
        return False
    if not word[0].isupper() or word == "I":
        return any(c.isdigit() for c in word) and not word.isdigit() and len(word) > 1
    first = i == 0 or bool(re.search(r"[.!?:]\s", text[words[i - 1].end() : words[i].start()]))
    folded = lexical.fold(re.sub(r"[’']s$", "", word))
    ordinary = folded in lexical.STOPWORDS or lexical.stem(folded) in _VERBS or folded in _GENERIC
    if word.isupper() and len(word) > 1:
        return not text.isupper() and folded not in ("ok", "okay")
    if not first:
        return folded not in lexical.STOPWORDS
    if ordinary or folded in _JOINING:
        return False
    # The first word of a sentence has its capital anyway: a name only where another follows, or an owner's "’s".
    following = words[i + 1].group() if i + 1 < len(words) else "x"
    return following[0].isupper() or word.endswith(_POSSESSIVE)


def _linked(text: str, words: list[re.Match[str]], i: int) -> bool:
    """Whether a small word stands inside a name: capitals on both sides."""
    after = words[i + 1].group() if i + 1 < len(words) else ""
    if after in _LINK:
        after = words[i + 2].group() if i + 2 < len(words) else ""
    small = words[i].group()
    return small in _LINK - {"and", "the"} and words[i - 1].group()[0].isupper() and after[:1].isupper()


def _ends_in_verb(run: list[re.Match[str]], words: list[re.Match[str]]) -> bool:
    """Whether the last word is the verb of a name's question, one not known here: "did Amazon gather"."""
    if not run[0].group()[0].isupper() or not run[-1].group().islower():
        return False
    at, after = words.index(run[0]), words[words.index(run[-1]) + 1 :]
    before = [w.group().lower() for w in words[max(0, at - 2) : at] if w.group().lower() != "the"]
    verb_follows = bool(after) and may_be_verb(lexical.fold(after[0].group()))
    return before[-1:] in (["do"], ["does"], ["did"]) and not verb_follows


def _close(text: str, run: list[re.Match[str]], words: list[re.Match[str]], found: list[Phrase]) -> None:
    if len(run) > 1 and _ends_in_verb(run, words):
        run.pop()
    while run and lexical.fold(run[-1].group()) in _LINK:
        run.pop()
    if not run:
        return
    name = all(w.group()[0].isupper() or w.group() in _LINK for w in run)
    start, end = run[0].start(), run[-1].end()
    if text[:end].endswith(_POSSESSIVE):
        end -= 2
    head = text[start:end]
    words_of = head.split()
    generic = all(lexical.fold(w) in _GENERIC or w in _LINK for w in words_of)
    generic = generic or (len(words_of) == 1 and not name and bool(_ADJECTIVE.fullmatch(head)))
    at = words.index(run[0])
    before = lexical.fold(words[at - 1].group()) if at else ""
    if before in ("the", "a", "an"):
        start = words[at - 1].start()
    generic = generic or before in ("which", "what")
    solid = name or len(words_of) > 1 or before in _DETERMINERS or before in _BEFORE_NOUNS | _PLAIN_VERBS
    found.append(Phrase(head, start, end, name, generic, solid, before == "the"))
    run.clear()
