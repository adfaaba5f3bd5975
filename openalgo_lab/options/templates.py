"""The strategies that traders know by name, as data: which legs, how far from the money, in which expiry."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from openalgo_lab.model.vocabulary import InstrumentType

__all__ = ["TEMPLATES", "Outlook", "Template", "TemplateLeg", "template"]


class Outlook(StrEnum):
    """What a strategy is for."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"
    VOLATILE = "volatile"


class TemplateLeg(msgspec.Struct, frozen=True):
    """``ratio`` in lots, bought +; ``steps`` strikes of the template's width from the money, + upwards.

    ``expiry`` 0 the chosen one, 1 the one after. A future or share has no strike.
    """

    ratio: int
    kind: InstrumentType
    steps: int = 0
    expiry: int = 0


class Template(msgspec.Struct, frozen=True):
    """``about`` in one sentence: when it wins and what it risks."""

    key: str
    title: str
    outlook: Outlook
    about: str
    legs: tuple[TemplateLeg, ...]

    @property
    def spans_expiries(self) -> bool:
        """Whether it needs a second expiry."""
        return any(leg.expiry for leg in self.legs)


_KINDS: Final = {"C": InstrumentType.CE, "P": InstrumentType.PE, "F": InstrumentType.FUT}


def _legs(text: str) -> tuple[TemplateLeg, ...]:
    """``"+1C0 -1C2 +1P-1@1"``: ratio, kind, steps, and the expiry after an @."""
    legs = []
    for word in text.split():
        body, _, expiry = word.partition("@")
        at = next(index for index, letter in enumerate(body) if letter in _KINDS)
        legs.append(TemplateLeg(int(body[:at]), _KINDS[body[at]], int(body[at + 1 :] or 0), int(expiry or 0)))
    return tuple(legs)


_B, _S, _N, _V = Outlook.BULLISH, Outlook.BEARISH, Outlook.NEUTRAL, Outlook.VOLATILE

_TABLE: Final = (
    # Bullish
    ("long call", "Buy Call", _B, "Wins with a rise; risks the premium.", "+1C0"),
    ("short put", "Sell Put", _B, "Keeps the premium unless it falls; risks a deep fall.", "-1P0"),
    ("bull call spread", "Bull Call Spread", _B, "A cheaper call with its gain capped; risks the debit.", "+1C0 -1C2"),
    ("bull put spread", "Bull Put Spread", _B, "Credit kept above the sold put; risk is the width.", "-1P0 +1P-2"),
    ("call ratio back spread", "Call Ratio Back Spread", _B, "Wins with a strong rise; worst at the bought calls.",
     "-1C0 +2C2"),
    ("long synthetic", "Long Synthetic Future", _B, "Moves like the future, made of options.", "+1C0 -1P0"),
    ("range forward", "Range Forward", _B, "A rise paid for by taking a fall below the put.", "+1C1 -1P-1"),
    ("bull butterfly", "Bullish Butterfly", _B, "Cheap bet on a target above; risks the debit.", "+1C1 -2C2 +1C3"),
    ("bull condor", "Bullish Condor", _B, "Bet on a range above; risks the debit.", "+1C1 -1C2 -1C3 +1C4"),
    ("covered call", "Covered Call", _B, "Holds the future and sells its upside for premium.", "+1F -1C2"),
    ("protective put", "Protective Put", _B, "Holds the future with a floor under it.", "+1F +1P-1"),
    ("collar", "Collar", _B, "The floor paid for by the upside.", "+1F +1P-2 -1C2"),
    ("bull call ladder", "Bull Call Ladder", _N, "A call spread that one more sold call pays for; a strong rise hurts.",
     "+1C0 -1C2 -1C4"),
    ("bull call calendar", "Bullish Call Calendar", _B, "Wants a slow rise to the strike; risks the debit.",
     "-1C2 +1C2@1"),
    ("seagull", "Bullish Seagull", _B, "A call spread paid for by a sold put.", "+1C0 -1C2 -1P-2"),
    # Bearish
    ("long put", "Buy Put", _S, "Wins with a fall; risks the premium.", "+1P0"),
    ("short call", "Sell Call", _S, "Keeps the premium unless it rises; risk without limit.", "-1C0"),
    ("bear put spread", "Bear Put Spread", _S, "A cheaper put with its gain capped; risks the debit.", "+1P0 -1P-2"),
    ("bear call spread", "Bear Call Spread", _S, "Credit that stays below the sold call; risk is the width.",
     "-1C0 +1C2"),
    ("put ratio back spread", "Put Ratio Back Spread", _S, "Wins with a strong fall; worst at the bought puts.",
     "-1P0 +2P-2"),
    ("short synthetic", "Short Synthetic Future", _S, "Moves like a sold future, made of options.", "-1C0 +1P0"),
    ("risk reversal", "Risk Reversal", _S, "A fall paid for by taking a rise above the call.", "+1P-1 -1C1"),
    ("bear butterfly", "Bearish Butterfly", _S, "Cheap bet on a target below; risks the debit.", "+1P-1 -2P-2 +1P-3"),
    ("bear condor", "Bearish Condor", _S, "Bet on a range below; risks the debit.", "+1P-1 -1P-2 -1P-3 +1P-4"),
    ("covered put", "Covered Put", _S, "A sold future that sells its downside for premium.", "-1F -1P-2"),
    ("protective call", "Protective Call", _S, "A sold future with a ceiling over it.", "-1F +1C1"),
    ("bear put ladder", "Bear Put Ladder", _N, "A put spread that one more sold put pays for; a crash hurts.",
     "+1P0 -1P-2 -1P-4"),
    ("bear put calendar", "Bearish Put Calendar", _S, "Wants a slow fall to the strike; risks the debit.",
     "-1P-2 +1P-2@1"),
    # Neutral
    ("short straddle", "Short Straddle", _N, "Wins while it stays near the strike; risk without limit.", "-1C0 -1P0"),
    ("short strangle", "Short Strangle", _N, "Wins within a wide range; risk without limit.", "-1C2 -1P-2"),
    ("iron butterfly", "Short Iron Butterfly", _N, "A short straddle with wings; risk is a wing.",
     "+1P-3 -1P0 -1C0 +1C3"),
    ("iron condor", "Short Iron Condor", _N, "A short strangle with wings; risk is a wing.", "+1P-4 -1P-2 -1C2 +1C4"),
    ("call butterfly", "Call Butterfly", _N, "Cheap bet that it stays; risks the debit.", "+1C-2 -2C0 +1C2"),
    ("put butterfly", "Put Butterfly", _N, "The same with puts.", "+1P-2 -2P0 +1P2"),
    ("call condor", "Call Condor", _N, "Bet on a range; risks the debit.", "+1C-3 -1C-1 -1C1 +1C3"),
    ("put condor", "Put Condor", _N, "The same with puts.", "+1P-3 -1P-1 -1P1 +1P3"),
    ("call ratio spread", "Call Ratio Spread", _N, "Best at the sold calls; a strong rise hurts.", "+1C0 -2C2"),
    ("put ratio spread", "Put Ratio Spread", _N, "Best at the sold puts; a strong fall hurts.", "+1P0 -2P-2"),
    ("jade lizard", "Jade Lizard", _N, "Sold put and call spread whose credit covers the rise.", "-1P-2 -1C1 +1C2"),
    ("reverse jade lizard", "Reverse Jade Lizard", _N, "Sold call and put spread whose credit covers the fall.",
     "-1C2 -1P-1 +1P-2"),
    ("batman", "Batman", _N, "Two ratio spreads: best at either pair of sold strikes.", "+1C1 -2C3 +1P-1 -2P-3"),
    ("double fly", "Double Butterfly", _N, "Two cheap bets, one on each side.", "+1P-3 -2P-2 +1P-1 +1C1 -2C2 +1C3"),
    ("double condor", "Double Condor", _N, "Two ranges, one on each side.",
     "+1P-4 -1P-3 -1P-2 +1P-1 +1C1 -1C2 -1C3 +1C4"),
    ("call calendar", "Call Calendar", _N, "Sells the near time, owns the far; risks the debit.", "-1C0 +1C0@1"),
    ("put calendar", "Put Calendar", _N, "The same with puts.", "-1P0 +1P0@1"),
    ("diagonal call", "Diagonal Call Spread", _N, "Sells a near call over a far one.", "-1C2 +1C0@1"),
    ("diagonal put", "Diagonal Put Spread", _N, "Sells a near put under a far one.", "-1P-2 +1P0@1"),
    ("double calendar", "Double Calendar", _N, "A calendar on each side.", "-1P-2 +1P-2@1 -1C2 +1C2@1"),
    ("double diagonal", "Double Diagonal", _N, "Sells a near strangle, owns a wider far one.",
     "-1P-2 +1P-3@1 -1C2 +1C3@1"),
    ("short guts", "Short Guts", _N, "A short strangle of options in the money.", "-1C-1 -1P1"),
    # Volatile
    ("long straddle", "Long Straddle", _V, "Wins with a strong move either way; risks both premiums.", "+1C0 +1P0"),
    ("long strangle", "Long Strangle", _V, "Cheaper, and needs a stronger move.", "+1C2 +1P-2"),
    ("long iron butterfly", "Long Iron Butterfly", _V, "A long straddle with its gain capped.", "-1P-3 +1P0 +1C0 -1C3"),
    ("long iron condor", "Long Iron Condor", _V, "A long strangle with its gain capped.", "-1P-4 +1P-2 +1C2 -1C4"),
    ("strip", "Strip", _V, "A long straddle that leans to the fall.", "+1C0 +2P0"),
    ("strap", "Strap", _V, "A long straddle that leans to the rise.", "+2C0 +1P0"),
    ("long guts", "Long Guts", _V, "A long strangle of options in the money.", "+1C-1 +1P1"),
    ("short call butterfly", "Short Call Butterfly", _V, "Small credit that a move keeps.", "-1C-2 +2C0 -1C2"),
    ("short put butterfly", "Short Put Butterfly", _V, "The same with puts.", "-1P-2 +2P0 -1P2"),
    ("reverse call calendar", "Reverse Call Calendar", _V, "Owns the near time, sells the far; wants a move.",
     "+1C0 -1C0@1"),
)  # fmt: skip

TEMPLATES: Final[dict[str, Template]] = {
    key: Template(key, title, outlook, about, _legs(legs)) for key, title, outlook, about, legs in _TABLE
}
"""By key, grouped by outlook."""


def template(key: str) -> Template:
    """By key or title, however it is written. Raises KeyError."""
    wanted = key.strip().lower().replace("_", " ").replace("-", " ")
    for found in TEMPLATES.values():
        if wanted in (found.key, found.title.lower()):
            return found
    raise KeyError(key)
