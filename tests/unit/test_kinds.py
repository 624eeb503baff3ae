"""What shape of answer a question wants, by its words alone."""

from __future__ import annotations

import pytest

from rag.kinds import shape


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Who won the harbour election?", "one"),
        ("When did the port of Lisbon reopen?", "one"),
        ("How many people were hurt in the crash?", "one"),
        ("Why was the minister dismissed?", "one"),
        ("Was the mayor arrested?", "one"),
        ("What is the name of the new ferry?", "one"),
        ("Tell me who leads the union.", "one"),
        ("How old is the bridge?", "one"),
        ("What was the process of the trial called?", "one"),
        ("Where was the ship built?", "one"),
        ("When was the bill passed, and who signed it?", "parts"),
        ("Who bought the mine and for how much?", "parts"),
        ("When and where did the climbers die?", "parts"),
        ("What did Spain and Portugal offer?", "parts"),
        ("How does the Danish plan compare with the Swedish one?", "compare"),
        ("Which dam is higher, Aldra or Beltane?", "compare"),
        ("Was the second quake stronger than the first?", "compare"),
        ("What is the difference between the two offers?", "compare"),
        ("How did the price of bread change between March and May?", "change"),
        ("From what to what did the rate go?", "change"),
        ("Give me a timeline of the hostage crisis.", "timeline"),
        ("In what order did the banks fail?", "timeline"),
        ("How did the standoff unfold?", "timeline"),
        ("Summarise the airport dispute.", "summary"),
        ("What happened at the refinery?", "summary"),
        ("Tell me about the new tram line.", "summary"),
        ("Which countries signed the accord?", "list"),
        ("Name the ministers who resigned.", "list"),
        ("What are the demands of the strikers?", "list"),
        ("What did the correction say?", "correction"),
        ("Was the report on the mine corrected?", "correction"),
        ("What did the paper get wrong about the mine?", "correction"),
        ("What do different outlets say about the crowd?", "sides"),
        ("What did each side want in the water case?", "sides"),
        ("Do the accounts of the crash conflict or contradict each other?", "sides"),
    ],
)
def test_the_shape_of_a_question(question: str, wanted: str) -> None:
    assert shape(question)[0] == wanted
