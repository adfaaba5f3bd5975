"""The canonical words of the field. Every broker's words are mapped to these, in total maps, and back."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "DERIVATIVE_EXCHANGES",
    "INDEX_EXCHANGES",
    "Exchange",
    "FeedMode",
    "InstrumentType",
    "Mode",
    "OptionType",
    "PriceType",
    "Product",
    "Settlement",
    "Side",
    "Validity",
]


class Exchange(StrEnum):
    """Exchange segments as the public contract spells them."""

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"
    NCDEX = "NCDEX"
    NCO = "NCO"
    NSE_INDEX = "NSE_INDEX"
    BSE_INDEX = "BSE_INDEX"
    MCX_INDEX = "MCX_INDEX"
    GLOBAL_INDEX = "GLOBAL_INDEX"
    CRYPTO = "CRYPTO"


INDEX_EXCHANGES = frozenset({Exchange.NSE_INDEX, Exchange.BSE_INDEX, Exchange.MCX_INDEX, Exchange.GLOBAL_INDEX})
"""Quote only: nothing on these can be ordered."""

DERIVATIVE_EXCHANGES = frozenset(
    {
        Exchange.NFO,
        Exchange.BFO,
        Exchange.CDS,
        Exchange.BCD,
        Exchange.MCX,
        Exchange.NCDEX,
        Exchange.NCO,
        Exchange.CRYPTO,
    }
)


class Product(StrEnum):
    """How a position is carried: CNC delivery, NRML overnight derivatives, MIS intraday."""

    CNC = "CNC"
    NRML = "NRML"
    MIS = "MIS"


class Settlement(StrEnum):
    """What ended a contract in place of a trade: its last day, in money or by delivery of the shares."""

    NONE = ""
    CASH = "cash"
    PHYSICAL = "physical"


class PriceType(StrEnum):
    """MARKET and LIMIT; SL is a stop with a limit price, SL_M a stop at market."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"

    @property
    def has_price(self) -> bool:
        """Whether the order carries a limit price."""
        return self in (PriceType.LIMIT, PriceType.SL)

    @property
    def has_trigger(self) -> bool:
        """Whether the order waits for a trigger price."""
        return self in (PriceType.SL, PriceType.SL_M)


class Side(StrEnum):
    """BUY or SELL."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL: multiplies a quantity into a signed one."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """The side that closes a position opened by this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Validity(StrEnum):
    """DAY lives to the session's end, IOC fills at once or is cancelled."""

    DAY = "DAY"
    IOC = "IOC"


class InstrumentType(StrEnum):
    """What an instrument is."""

    EQ = "EQ"
    FUT = "FUT"
    CE = "CE"
    PE = "PE"
    INDEX = "INDEX"
    PERPFUT = "PERPFUT"

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self in (InstrumentType.CE, InstrumentType.PE)


class OptionType(StrEnum):
    """Call (CE) or put (PE)."""

    CE = "CE"
    PE = "PE"


class Mode(StrEnum):
    """Whose money: simulated exchange, replayed session, paper money on real prices, or real. Part of the account."""

    SIMULATED = "simulated"
    REPLAY = "replay"
    SANDBOX = "sandbox"
    LIVE = "live"


class FeedMode(StrEnum):
    """How much of a symbol the feed carries; each holds all that the one before holds."""

    LTP = "ltp"
    QUOTE = "quote"
    DEPTH = "depth"
