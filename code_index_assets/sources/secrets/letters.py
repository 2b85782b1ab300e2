"""How likely letters follow each other in what people write: what tells `Nkjemb` from `number`.

What lives here: the table of pairs and the judgement. What does not: the other signs of a random value
(`values.py`).
"""

from __future__ import annotations

# Row: a letter; column: the next one. 5: as often as in random letters; each step up is twice as often, each step down
# half as often. Counted over the words of some 4,000 files of source code in six languages.
_ROWS = (
    "26763360614878160888545452",
    "52336200440601510442600050",
    "72437217506632820547510030",
    "63358332711422630454511230",
    "74776752452868366988355750",
    "62235510700412620534500030",
    "40217234600324300553420010",
    "71118000600120610436500020",
    "55766761202679751588150505",
    "30004000100000300050200000",
    "20116011400212110141203100",
    "73358722701722730265631050",
    "75237100601351671152410020",
    "72777572614425750378541230",
    "45673651424678560866755211",
    "71237214501621750756520050",
    "00000000000000200001200600",
    "72559351704456730667542050",
    "51539335704433653378613051",
    "72538428802433760767623361",
    "56436430500657160766100000",
    "60107000500000310010000000",
    "50115004600103410451002000",
    "31414100400110050015000210",
    "21213110200343360245002000",
    "20005000200000200000000012",
)
_FEWEST_PAIRS = 5
_PAIRS = {
    bytes([97 + row, 97 + column]): int(step) - 5
    for row, steps in enumerate(_ROWS)
    for column, step in enumerate(steps)
}


def are_improbable(value: bytes) -> bool:
    """Whether the letters of a value follow each other as in random text; False where it has few pairs of letters."""
    low = value.lower()
    steps = [step for i in range(len(low) - 1) if (step := _PAIRS.get(low[i : i + 2])) is not None]
    total = sum(steps)
    return len(steps) >= _FEWEST_PAIRS and total <= -6 and 2 * total <= -len(steps)
