"""The check that keeps untrue sentences off the page: hand-written pairs of cited words and drafts about them."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rag.chunking import split_sentences
from rag.quantities import quantities
from rag.resources import data
from rag.types import Verdict
from rag.verifying import verify

EXECUTED = (
    "At least 340 Alawite civilians have been executed by the security forces and by groups allied to them, according "
    "to the Syrian Observatory for Human Rights, a monitor that works from Britain."
)
TOLL = "It put the total number of dead at 553, a count that also takes in soldiers and pro-Assad fighters."
BOTH = "At least 340 civilians were executed and 553 people died in all, the Observatory said."
OZEL = "Özgür Özel, who leads the Republican People’s Party (CHP), the main opposition, is deeply worried."
HEADS = "Ahmed al-Sharaa, who heads Syria’s interim government, has told the insurgents to lay down their arms."
RESCUED = "Twelve of the 40 passengers died when the ferry sank off Brenna on 8 March 2025."
VOTED = "Most councillors voted against the bill before the recess, and three abstained."
DENIED = "Mayor Lena Brandt denied that the dam was unsafe."
MAY = "The Osterlay bridge may close on 5 May, engineers said."
SPEAKERS = "Minister Karl Ost said the dam was safe, while engineer Lena Brandt said it would fail."
QUOTE = "“The atmosphere of false optimism promoted by the government has collapsed,” Özel said."
SHARES = "Shares in Kestrin Group rose 5% in Marland on Tuesday after the company raised its forecast to $2.5 billion."
PLANE = "The pilot was injured when the plane hit a hangar at Norvane airport on Monday."
STONES = "Protesters threw stones at police outside the court in Galvane on Friday."
TURKEY = "Turkey accused Greece of breaking the treaty."
FORMER = "Police arrested the former president, Ivo Marek, at his home in Adana."
JOBLESS = "Unemployment rose to 12 per cent of the workforce in April, from 9.5 per cent a year earlier."
TOWNS = "Twelve people were killed in Adana and 40 in Hatay, officials said."
STORM = "About three hundred and forty homes were destroyed by the storm in Marisel."
AID = "The mayor of Tolmar wants Ankara to send aid."
CROWD = "Hundreds of thousands of people marched in Velmora on Saturday."
UNIONS = "Some unions backed the strike in Dunmere."
TARIFFS = "The US imposed tariffs on steel from Norvane in June."
MONKS = "Brenna was founded on 12 May 1987 by 40 monks."
HORSES = "The fire hurt 40 horses and soldiers at Pellan."
TWO = "Karl Ost said the dam was safe, while Lena Brandt said the bridge was old."
ASKED = "Will the Osterlay bridge close in May?"
HEADING = "Osterlay bridge map, ferry timetable, tide table"
WINNER = "The winning party can file the costs in the court."
FRAMED = "Tricks differ, but in phishing, a scammer sends a bill to trick readers."
DATED = "In early March, police arrested 12 men in Adana."
JURY = "A jury found Gerrit Ost guilty of defrauding the trust, but acquitted him of forging other people's signatures."
LORRIES = (
    "The company says it would heat 28,000 homes; critics fear a calculated 190 lorries a day would pass two schools."
)
LANES = "Fourteen of the dead lived in Weir Lane or Linden Court, the coroner said."
YACHT = "She told the court that he had asked her in 2021 to say that a yacht was a gift."
TOLD = "About 4,100 homes have been told not to drink from the tap after tests found lead, the water company said."
LED = "Karl Ost, who leads the Farmers' Party, said he was worried by the fighting around Latakia."
WINDS = "Winds of 178 kilometres an hour hit the town, above the 165 that had been forecast."
HURT = "Twenty-three people were hurt, two of them seriously, when a ferry hit a pier at Brenna."
NURSE = (
    "The Product Safety Authority said that it had learned of the problem from a nurse and that Hearthly had acted "
    "within ten days."
)
RIVAL = "The rival of the mayor of Marrowby resigned on Monday."
ELECT = "Ilan Dorvath was declared president-elect of Oltrava on Wednesday."
TAXED = "Your tax rate may be different when you retire and the rate may depend on the income you have."
CLOSED = "The road has been closed since the landslide."

# (cited words, draft, whether they support it)
CASES = [
    # the same thing in nearly the same words
    (EXECUTED, "At least 340 Alawite civilians were executed, according to the Syrian Observatory.", True),
    (EXECUTED, "According to the Syrian Observatory, at least 340 Alawite civilians have been executed.", True),
    (EXECUTED, "The Syrian Observatory for Human Rights says at least 340 Alawite civilians have been executed.", True),
    (EXECUTED, "At least three hundred and forty civilians were executed, according to the Observatory.", True),
    (BOTH, "The Observatory said at least 340 civilians were executed.", True),
    (BOTH, "The Observatory said 553 people died in all.", True),
    (OZEL, "Özgür Özel leads the CHP.", True),
    (OZEL, "Özgür Özel leads the Republican People's Party (CHP).", True),
    (HEADS, "Ahmed al-Sharaa has told the insurgents to lay down their arms.", True),
    (RESCUED, "Twelve of the 40 passengers died when the ferry sank off Brenna.", True),
    (RESCUED, "12 passengers died when the ferry sank off Brenna.", True),
    (RESCUED, "On 8 March 2025 the ferry sank off Brenna.", True),
    (VOTED, "Most councillors voted against the bill.", True),
    (DENIED, "Lena Brandt denied that the dam was unsafe.", True),
    (MAY, "The bridge may close on 5 May, engineers said.", True),
    (MAY, "Engineers said the Osterlay bridge may close on 5 May.", True),
    (SPEAKERS, "Karl Ost said the dam was safe.", True),
    (SPEAKERS, "Engineer Lena Brandt said it would fail.", True),
    (QUOTE, "“The atmosphere of false optimism promoted by the government has collapsed,” Özel said.", True),
    (QUOTE, 'Özel said the "false optimism promoted by the government" has collapsed.', True),
    (SHARES, "Shares in Kestrin Group rose 5 per cent in Marland on Tuesday.", True),
    (SHARES, "The company raised its forecast to 2.5 billion dollars.", True),
    (SHARES, "On Tuesday shares in Kestrin Group rose 5%.", True),
    (STORM, "About 340 homes were destroyed by the storm.", True),
    (STORM, "Roughly 340 homes were destroyed by the storm in Marisel.", True),
    (JOBLESS, "Unemployment rose to 12% of the workforce in April.", True),
    (FORMER, "The former president, Ivo Marek, was arrested.", False),  # a passive that may be true
    (FORMER, "Ivo Marek arrested the former president.", False),
    (FORMER, "Police arrested the former president at his home.", True),
    (AID, "The mayor of Tolmar wants Ankara to send aid.", True),
    (CLOSED, "The road hasn’t been closed since the landslide.", False),
    # typography
    (OZEL, "Özgür Özel leads the Republican People’s Party.", True),
    (QUOTE, "\"The atmosphere of false optimism promoted by the government has collapsed,\" Özel said.", True),
    ("The U.N. said 1,200 people fled.", "The U.N. said 1200 people fled.", True),
    ("The well‑known singer can’t perform in Hatay.", "The well-known singer cannot perform in Hatay.", True),
    # another number
    (EXECUTED, "At least 350 Alawite civilians were executed, according to the Observatory.", False),
    (EXECUTED, "At least 34 Alawite civilians were executed, according to the Observatory.", False),
    (JOBLESS, "Unemployment rose to 12.5 per cent of the workforce in April.", False),
    ("One civilian was killed in Hatay.", "Two civilians were killed in Hatay.", False),
    ("Two civilians were killed in Hatay.", "One civilian was killed in Hatay.", False),
    (RESCUED, "A hundred passengers died when the ferry sank off Brenna.", False),
    # a number of something else
    (BOTH, "The Observatory said 553 civilians were executed.", False),
    (BOTH, "The Observatory said at least 340 people died in all.", False),
    (TOLL, "It put the number of soldiers at 553.", False),
    (RESCUED, "40 passengers died when the ferry sank off Brenna.", False),
    (TOWNS, "Officials said 40 people were killed in Adana.", False),
    (TOWNS, "Officials said twelve people were killed in Hatay.", False),
    (JOBLESS, "Unemployment rose to 9.5 per cent in April.", False),
    (RESCUED, "8 passengers died when the ferry sank off Brenna.", False),
    ("In 2024 twelve people died and in 2025 forty people died.", "In 2025 twelve people died.", False),
    ("About 4,100 homes in Brindle were flooded.", "Some 4,100 homes were flooded.", True),
    ("Infections fell to 97 from 188 on 17 February.", "Infections fell to 97 from 17 on 17 February.", False),
    (MONKS, "Brenna was founded by forty monks.", True),
    (MONKS, "Brenna was founded on 12 May 1987.", True),
    (MONKS, "Brenna was founded by 12 monks.", False),
    (MONKS, "Brenna was founded by 1987 monks.", False),
    (HORSES, "The fire hurt 40 horses at Pellan.", True),
    (HORSES, "The fire hurt 40 soldiers at Pellan.", False),
    (TOLL, "It put the dead at 553 soldiers.", False),
    # another magnitude or unit
    (SHARES, "The company raised its forecast to $2.5 million.", False),
    (SHARES, "The company raised its forecast to €2.5 billion.", False),
    (SHARES, "The company raised its forecast to 2.5 billion.", False),
    (SHARES, "Shares in Kestrin Group rose 5 points in Marland on Tuesday.", False),
    (JOBLESS, "Unemployment rose by 12 percentage points in April.", False),
    (CROWD, "Thousands of people marched in Velmora on Saturday.", False),
    (CROWD, "Millions of people marched in Velmora on Saturday.", False),
    ("The fire burned 40 hectares of forest near Pellan.", "The fire burned 40 acres of forest near Pellan.", False),
    ("The fire burned 40 hectares of forest near Pellan.", "The fire burned 40 people near Pellan.", False),
    # the hedge
    (EXECUTED, "340 Alawite civilians were executed, according to the Observatory.", False),
    (EXECUTED, "About 340 Alawite civilians were executed, according to the Observatory.", False),
    (EXECUTED, "Up to 340 Alawite civilians were executed, according to the Observatory.", False),
    (TOLL, "It put the total number of dead at more than 553.", False),
    ("No more than 40 people were hurt in Adana.", "More than 40 people were hurt in Adana.", False),
    # names
    (OZEL, "Kemal Kılıçdaroğlu leads the Republican People’s Party (CHP).", False),
    (OZEL, "Özgür Özel leads the AKP.", False),
    (TURKEY, "Greece accused Turkey of breaking the treaty.", False),
    ("The ferry sailed from Adana to Hatay on Friday.", "The ferry sailed from Hatay to Adana on Friday.", False),
    (TARIFFS, "The UK imposed tariffs on steel from Norvane in June.", False),
    (TARIFFS, "The US imposed tariffs on steel from Norvane in July.", False),
    (PLANE, "The pilot was injured when the plane hit a hangar at Norvane airport on Tuesday.", False),
    (EXECUTED, "At least 340 Alawite civilians were executed, according to the United Nations.", False),
    # one other word
    (SHARES, "Shares in Kestrin Group fell 5% in Marland on Tuesday.", False),
    (PLANE, "The passenger was injured when the plane hit a hangar at Norvane airport on Monday.", False),
    (HEADS, "Ahmed al-Sharaa heads Syria’s elected government.", False),
    ("She won the race in Caldor on Sunday.", "He won the race in Caldor on Sunday.", False),
    # who did what to whom
    (STONES, "Police threw stones at protesters outside the court in Galvane on Friday.", False),
    ("The dog bit the man in Adana.", "The man bit the dog in Adana.", False),
    ("Protesters attacked police in Adana.", "Protesters were attacked by police in Adana.", False),
    ("Protesters were attacked by police in Adana.", "Protesters attacked police in Adana.", False),
    # denial
    (DENIED, "Lena Brandt said that the dam was unsafe.", False),
    ("No one was injured in the fire in Hatay.", "People were injured in the fire in Hatay.", False),
    ("Three people were injured in the fire in Hatay.", "Three people were not injured in the fire in Hatay.", False),
    ("The court did not say when it would rule on Kestrin.", "The court did say when it would rule on Kestrin.", False),
    ("The band isn’t touring but hasn’t split up.", "The band isn’t touring but has split up.", False),
    # possibility and plans
    (MAY, "The Osterlay bridge closes on 5 May, engineers said.", False),
    (MAY, "Engineers said the Osterlay bridge will close on 5 May.", False),
    (CLOSED, "The road may have been closed since the landslide.", False),
    (AID, "Ankara sent aid to the mayor of Tolmar.", False),
    ("The company plans to cut 300 jobs in Dunmere.", "The company cut 300 jobs in Dunmere.", False),
    ("Two suspected rebels were killed in Kessary.", "Two rebels were killed in Kessary.", False),
    ("The man allegedly stole 20 paintings in Quillon.", "The man stole 20 paintings in Quillon.", False),
    # who says so
    (EXECUTED, "At least 340 Alawite civilians have been executed by the security forces.", False),
    (MAY, "The Osterlay bridge may close on 5 May.", False),
    (TOLL, "The total number of dead is 553.", False),
    (SPEAKERS, "Lena Brandt said the dam was safe.", False),
    (SPEAKERS, "Karl Ost said the dam would fail.", False),
    (TWO, "Lena Brandt said the bridge was old.", True),
    (TWO, "Lena Brandt said the dam was safe.", False),
    (TWO, "Karl Ost said the bridge was old.", False),
    (CLOSED, "The road has been closed since the landslide, police said.", False),
    # small words
    (VOTED, "All councillors voted against the bill.", False),
    (VOTED, "Councillors voted against the bill.", False),
    (VOTED, "Most councillors voted for the bill.", False),
    (VOTED, "Most councillors voted against the bill after the recess.", False),
    (UNIONS, "All unions backed the strike in Dunmere.", False),
    (UNIONS, "Only unions backed the strike in Dunmere.", False),
    (FORMER, "Police arrested the president, Ivo Marek, at his home.", False),
    ("Three people were killed or injured in Adana.", "Three people were killed and injured in Adana.", False),
    # quotations
    (QUOTE, "“The atmosphere of optimism promoted by the government has collapsed,” Özel said.", False),
    (QUOTE, "“The atmosphere of false optimism promoted by the opposition has collapsed,” Özel said.", False),
    (OZEL, "Özgür Özel, who leads the CHP, is “deeply worried”.", False),
    # cited words that state nothing, or something about somebody else, or these words in other company
    (ASKED, "The Osterlay bridge will close in May.", False),
    (ASKED, ASKED, True),
    (HEADING, "The Osterlay bridge is a ferry timetable.", False),
    (WINNER, "The winning party can file the costs in the court.", True),
    (WINNER, "You can file the costs in the court.", False),
    (FRAMED, "A scammer sends a bill to trick readers.", False),
    (FRAMED, "In phishing, a scammer sends a bill to trick readers.", True),
    (DATED, "Police arrested 12 men in Adana.", True),
    (JURY, "A jury found Gerrit Ost guilty of defrauding the trust.", True),
    (JURY, "A jury found Gerrit Ost guilty of forging signatures.", False),
    (LORRIES, "The company says it would heat 28,000 homes.", True),
    (LORRIES, "The company says a calculated 190 lorries a day would pass two schools.", False),
    (LANES, "Fourteen of the dead lived in Weir Lane or Linden Court, the coroner said.", True),
    (LANES, "Fourteen of the dead lived in Weir Lane, the coroner said.", False),
    (YACHT, "She told the court that he had asked her to say that a yacht was a gift.", True),
    (YACHT, "He had asked her to say that a yacht was a gift.", False),
    (TOLD, "About 4,100 homes have been told not to drink from the tap, the water company said.", True),
    (TOLD, "About 4,100 homes have been told not to drink from the tap.", False),
    (LED, "Karl Ost said he was worried by the fighting around Latakia.", True),
    (LED, "The Farmers' Party said it was worried by the fighting around Latakia.", False),
    (WINDS, "Winds of 178 kilometres an hour had been forecast.", False),
    (HURT, "Twenty-three people were hurt seriously when a ferry hit a pier at Brenna.", False),
    (HURT, "Twenty-three people were hurt.", True),
    (NURSE, "The Product Safety Authority said that it had acted within ten days.", False),
    (NURSE, "The Product Safety Authority said that it had learned of the problem from a nurse.", True),
    (ELECT, "Ilan Dorvath was declared president of Oltrava.", False),
    (ELECT, "Ilan Dorvath was declared president-elect of Oltrava.", True),
    # what is said of something of a thing is not said of the thing
    (RIVAL, "The mayor of Marrowby resigned on Monday.", False),
    (RIVAL, "The rival of the mayor of Marrowby resigned on Monday.", True),
    ("The mayor of Marrowby resigned on Monday.", "The rival of the mayor of Marrowby resigned on Monday.", False),
    ("The minister's wife was killed on Monday night.", "The minister was killed on Monday night.", False),
    ("The minister's wife was killed on Monday night.", "The minister's wife was killed.", True),
    ("Police arrested the son of Hedda Varley on Monday.", "Police arrested Hedda Varley on Monday.", False),
    ("Police arrested the son of Hedda Varley on Monday.", "Police arrested the son of Hedda Varley.", True),
    ("Two of the inspectors resigned in protest on Friday.", "The inspectors resigned in protest.", False),
    ("The eastern bank of the river broke on Monday.", "The bank of the river broke on Monday.", True),
    ("The city of Marrowby elected a new mayor on Monday.", "Marrowby elected a new mayor on Monday.", True),
    ("A group of students occupied the library on Monday.", "Students occupied the library on Monday.", True),
    ("Velle's rival, the mayor of Marrowby, resigned on Monday.", "The mayor of Marrowby resigned.", True),
    (TAXED, "The rate may depend on the income.", True),
    (TAXED, "Yes, you may get taxed on your retirement income.", False),
    # no statement at all
    (TOLL, "553.", False),
    (OZEL, "Özgür Özel.", False),
    (EXECUTED, "At least 340 Alawite civilians.", False),
    (MAY, "Engineers said the Osterlay bridge may close on", False),
    (OZEL, "", False),
    (OZEL, "Yes.", False),
]  # fmt: skip


def check(sentence: str, cited: str, outlet: str | None = None, similarity: float = 0.9) -> Verdict:
    return verify(sentence, cited, outlet=outlet, rarity={}, similarity=lambda: similarity, threshold=0.75)


@pytest.mark.parametrize(("cited", "sentence", "supported"), CASES)
def test_a_sentence_is_supported_when_it_says_no_more_than_the_cited_words(
    cited: str, sentence: str, supported: bool
) -> None:
    verdict = check(sentence, cited)
    assert verdict.supported is supported, verdict.reasons


def test_every_sentence_of_the_sample_corpus_supports_itself() -> None:
    texts = [path.read_text(encoding="utf-8") for path in data("eval/corpus").glob("*.md")]
    sentences = {text[start:end] for text in texts for start, end in split_sentences(text.split("\n---\n", 1)[1])}
    assert len(sentences) > 500
    assert {s: reasons for s in sentences if (reasons := check(s, s).reasons)} == {}


@pytest.mark.parametrize(
    ("sentence", "supported"),
    [
        ("According to the Bosphorus Ledger, the road has been closed since the landslide.", True),
        ("The Bosphorus Ledger reported that the road has been closed since the landslide.", True),
        ("The road has been closed since the landslide, according to Bosphorus Ledger.", True),
        ("According to the Tolmar Gazette, the road has been closed since the landslide.", False),
        ("The Bosphorus Ledger has closed the road since the landslide.", False),
    ],
)
def test_the_outlet_may_be_named_as_the_source_and_as_nothing_else(sentence: str, supported: bool) -> None:
    assert check(sentence, CLOSED, outlet="Bosphorus Ledger").supported is supported
    assert not check(sentence, CLOSED).supported


def test_naming_the_outlet_does_not_replace_naming_who_said_it() -> None:
    sentence = "According to the Ledger, the Osterlay bridge may close on 5 May."
    assert check(sentence, MAY, outlet="Ledger").reasons[0] == "who says so differs"


@pytest.mark.parametrize(
    ("cited", "sentence", "reason"),
    [
        (BOTH, "The Observatory said at least 341 civilians were executed.", "number is not in the cited words: 341"),
        (BOTH, "The Observatory said about 340 civilians were executed.", "number with another hedge there: 340"),
        (BOTH, "The Observatory said 553 civilians were executed.", "number counts something else there: 553"),
        (OZEL, "Özgür Özel leads the AKP.", "name is not in the cited words: AKP"),
        (STONES, "Police threw stones at protesters outside the court.", "words stand in another order"),
        (SHARES, "Shares in Kestrin Group fell 5% in Marland.", "word is not in the cited words: fell"),
        (DENIED, "Lena Brandt said that the dam was unsafe.", "denial differs"),
        (AID, "Ankara may send aid to Tolmar.", "uncertainty differs: possible"),
        (FORMER, "Police arrested the president at his home.", "meaning of 'president' is turned: former"),
        (
            QUOTE,
            "“The mood has collapsed,” Özel said.",
            "quotation is not in the cited words: 'the mood has collapsed'",
        ),
    ],
)
def test_a_verdict_names_what_is_wrong(cited: str, sentence: str, reason: str) -> None:
    assert reason in check(sentence, cited).reasons


def test_the_score_grows_with_agreement_and_must_reach_the_threshold() -> None:
    same = verify(OZEL, OZEL, rarity={}, similarity=lambda: 1.0, threshold=1.0)
    part = verify("Özgür Özel leads the CHP.", OZEL, rarity={}, similarity=lambda: 0.5, threshold=0.95)
    assert same == Verdict(True, 1.0, ())
    assert part.score == pytest.approx(0.6 + 0.2 + 0.1)
    assert part.reasons == ("support 0.90 is below 0.95",)


def test_a_rare_word_that_is_missing_costs_more_than_a_common_one() -> None:
    cited, draft = "The ferry sank.", "The old ferry sank."
    rare, common = ({"old": weight} for weight in (5.0, 0.5))
    scores = [verify(draft, cited, rarity=r, similarity=lambda: 0.0, threshold=0.0).score for r in (rare, common)]
    assert scores[0] < scores[1]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_check(sentence: str, cited: str) -> None:
    assert 0.0 <= check(sentence, cited, outlet=cited).score <= 1.0
    assert check(sentence, sentence).reasons == ()


@given(st.sampled_from([c for c, _, _ in CASES]), st.integers(2, 10**6))
def test_no_number_comes_from_nowhere(cited: str, number: int) -> None:
    assume(number not in [q.value for q in quantities(cited)])
    for place in quantities(cited):
        assert not check(f"{cited[: place.start]}{number}{cited[place.end :]}", cited).supported
