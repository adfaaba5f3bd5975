"""Noren's rows and frames, written from the published layouts: the venue's state in the order system's words."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.conformance.venue import CLIENT, IST, LISTED, Booked, Candle, Listing, Picture, Position, Trade, Trigger

__all__ = [
    "candle_row", "dated_row", "exchange_of", "gtt_row", "holding_row", "master_lines", "order_row", "position_row",
    "quote_row", "report_of", "tick_row", "trade_part", "traded_as",
]  # fmt: skip

_SIDES = {"BUY": "B", "SELL": "S"}
_PRODUCTS = {"CNC": "C", "NRML": "M", "MIS": "I"}
_TYPES = {"LIMIT": "LMT", "SL": "SL-LMT", "MARKET": "MKT", "SL-M": "SL-MKT"}
_STATUSES = {
    "pending": "PENDING", "open": "OPEN", "trigger_pending": "TRIGGER_PENDING", "complete": "COMPLETE",
    "cancelled": "CANCELED", "rejected": "REJECTED",
}  # fmt: skip
_REPORTS = {"open": "New", "trigger_pending": "TriggerPending", "complete": "Fill", "cancelled": "Canceled"}
_HEADERS = {
    "NSE": "Exchange,Token,LotSize,Symbol,TradingSymbol,Instrument,TickSize,",
    "CDS": "Exchange,Token,LotSize,Precision,Multiplier,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,"
    "TickSize,",
    "MCX": "Exchange,Token,LotSize,GNGD,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,TickSize,",
    "NFO": "Exchange,Token,LotSize,Symbol,TradingSymbol,Expiry,Instrument,OptionType,StrikePrice,TickSize,",
}  # fmt: skip


def exchange_of(listing: Listing) -> str:
    return listing.exchange.removesuffix("_INDEX")


def traded_as(listing: Listing) -> str:
    """tsym: `NIFTY27JAN26C26000`, `NIFTY27JAN26F`, `SBIN-EQ`, and at BSE the plain name."""
    if listing.kind == "INDEX":
        return f"{listing.symbol} INDEX" if listing.exchange == "NSE_INDEX" else listing.symbol
    if listing.expiry is None:
        return f"{listing.symbol}-EQ" if listing.exchange == "NSE" else listing.symbol
    head = f"{listing.underlying}{listing.expiry:%d%b%y}".upper()
    return f"{head}F" if listing.kind == "FUT" else f"{head}{listing.kind[0]}{listing.strike:g}"


def master_lines(exchange: str, paise_ticks: bool) -> list[str]:
    """One file; its cash ticks are in paise at some members. The BSE's indices are not in it."""
    header = _HEADERS["NSE" if exchange in ("NSE", "BSE") else exchange if exchange in _HEADERS else "NFO"]
    lines = [header]
    for x in LISTED:
        if exchange_of(x) != exchange or x.exchange == "BSE_INDEX":
            continue
        row = {
            "Exchange": exchange, "Token": x.number, "LotSize": x.lot or 1, "TradingSymbol": traded_as(x),
            "Symbol": x.underlying or x.index_name or x.symbol, "Precision": 4, "Multiplier": 1, "GNGD": 1,
            "Expiry": f"{x.expiry:%d-%b-%Y}".upper() if x.expiry else "", "StrikePrice": f"{x.strike:g}",
            "Instrument": "INDEX" if x.kind == "INDEX" else "EQ" if x.kind == "EQ" else "FUTIDX",
            "OptionType": x.kind if x.kind in ("CE", "PE") else "XX",
            "TickSize": f"{x.tick * 100:.2f}" if paise_ticks and x.kind == "EQ" else f"{x.tick:g}",
        }  # fmt: skip
        lines.append(",".join(str(row[name]) for name in header.strip(",").split(",")) + ",")
    if exchange == "CDS":
        lines.append("CDS,7,1,4,1,DUMMY,DUMMY,27-JAN-2026,FUTCUR,XX,0,0.0025,")
    if exchange == "NSE":
        lines.append("NSE,5,1,,,EQ,5.00,")
    return lines


def report_of(order: Booked) -> str:
    if order.status == "rejected":
        return "Rejected"
    return "Replaced" if order.modified and order.status == "open" else _REPORTS[order.status]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(IST).strftime("%d-%m-%Y %H:%M:%S")


def order_row(order: Booked) -> dict[str, str]:
    """Absent instead of empty is usual: what is none is left out."""
    row = {
        "stat": "Ok", "norenordno": order.id, "uid": CLIENT, "actid": CLIENT, "exch": exchange_of(order.listing),
        "tsym": traded_as(order.listing), "qty": str(order.quantity), "trantype": _SIDES[order.side],
        "prctyp": _TYPES[order.price_type], "ret": order.validity, "token": str(order.listing.number), "pp": "2",
        "prc": f"{order.price:.2f}", "prd": _PRODUCTS[order.product], "status": _STATUSES[order.status],
        "rpt": report_of(order), "remarks": order.tag, "exch_tm": _stamp(order.updated_at),
        "norentm": f"{order.placed_at.astimezone(IST):%H:%M:%S %d-%m-%Y}", "dscqty": str(order.disclosed),
    }  # fmt: skip
    if order.trigger:
        row["trgprc"] = f"{order.trigger:.2f}"
    if order.filled:
        row |= {"fillshares": str(order.filled), "avgprc": f"{order.average:.2f}"}
    if order.reason:
        row["rejreason"] = order.reason
    if order.exchange_id:
        row["exchordid"] = order.exchange_id
    return row


def trade_part(trade: Trade) -> dict[str, str]:
    """What a trade adds to its order's row."""
    at = trade.at.astimezone(IST)
    return {
        "flid": trade.id, "flqty": str(trade.quantity), "flprc": f"{trade.price:.2f}",
        "fltm": f"{at:%d-%m-%Y %H:%M:%S}",
    }  # fmt: skip


def position_row(position: Position, picture: Picture) -> dict[str, str]:
    closed = min(position.bought, position.sold)
    bought = position.buy_value / position.bought if position.bought else 0.0
    sold = position.sell_value / position.sold if position.sold else 0.0
    return {
        "stat": "Ok", "exch": exchange_of(position.listing), "tsym": traded_as(position.listing),
        "token": str(position.listing.number), "prd": _PRODUCTS[position.product], "netqty": str(position.net),
        "netavgprc": f"{position.average:.2f}", "daybuyqty": str(position.bought), "daysellqty": str(position.sold),
        "lp": f"{picture.ltp:.2f}", "rpnl": f"{(sold - bought) * closed:.2f}", "mult": "1", "prcftr": "1.000000",
    }  # fmt: skip


def holding_row(listing: Listing, quantity: int, average: float) -> dict[str, object]:
    places = [{"exch": "BSE", "tsym": listing.symbol, "token": "5"}, {"exch": "NSE", "tsym": traded_as(listing)}]
    return {
        "stat": "Ok", "exch_tsym": places, "holdqty": str(quantity - 1), "btstqty": "2", "usedqty": "1",
        "upldprc": str(average), "sell_amt": "0.00", "prd": "C", "colqty": "0",
    }  # fmt: skip


def _market(listing: Listing, picture: Picture) -> dict[str, str]:
    digits = 4 if listing.exchange == "CDS" else 2
    prices = {"lp": picture.ltp, "o": picture.open, "h": picture.high, "l": picture.low, "c": picture.close}
    row = {"pp": str(digits), "ls": str(listing.lot or 1), "ti": f"{listing.tick:.2f}"}
    row |= {name: f"{value:.{digits}f}" for name, value in prices.items()}
    if listing.kind == "INDEX":
        return row
    row |= {"ap": f"{picture.average:.{digits}f}", "v": str(picture.volume), "ltq": str(picture.ltq)}
    if picture.oi:
        row["oi"] = str(picture.oi)
    return row


def _levels(listing: Listing, picture: Picture, most: int) -> dict[str, str]:
    digits = 4 if listing.exchange == "CDS" else 2
    row: dict[str, str] = {}
    for side, levels in (("b", picture.bids), ("s", picture.asks)):
        for n, level in enumerate(levels[:most], start=1):
            row |= {f"{side}p{n}": f"{level.price:.{digits}f}", f"{side}q{n}": str(level.quantity)}
            row |= {f"{side}o{n}": str(level.orders)} if most > 1 else {}
    return row


def quote_row(listing: Listing, picture: Picture) -> dict[str, str]:
    at = picture.traded_at.astimezone(IST)
    return {
        "stat": "Ok", "request_time": f"{at:%H:%M:%S %d-%m-%Y}", "exch": exchange_of(listing),
        "tsym": traded_as(listing), "token": str(listing.number), "ltt": f"{at:%H:%M:%S}", "ltd": f"{at:%d-%m-%Y}",
        **_market(listing, picture), **_levels(listing, picture, 5),
    }  # fmt: skip


def tick_row(listing: Listing, picture: Picture, kind: str) -> dict[str, str]:
    """A frame of the socket; touchline holds one level, depth five."""
    row = {"t": kind, "e": exchange_of(listing), "tk": str(listing.number), "ts": traded_as(listing)}
    row |= {"ft": str(int(picture.at.timestamp()))} | _market(listing, picture)
    if kind.startswith("t"):
        row.pop("ltq", None)
    return row | _levels(listing, picture, 5 if kind.startswith("d") else 1)


def candle_row(bar: Candle) -> dict[str, str]:
    return {
        "stat": "Ok", "time": _stamp(bar.start), "ssboe": str(int(bar.start.timestamp())), "into": f"{bar.open:.2f}",
        "inth": f"{bar.high:.2f}", "intl": f"{bar.low:.2f}", "intc": f"{bar.close:.2f}", "intv": str(bar.volume),
        "intoi": "0", "v": "999999", "oi": str(bar.oi),
    }  # fmt: skip


def dated_row(bar: Candle) -> dict[str, str]:
    day = bar.start.astimezone(IST).date()
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    return {
        "time": f"{day:%d-%b-%Y}".upper(), "into": f"{bar.open:.2f}", "inth": f"{bar.high:.2f}",
        "intl": f"{bar.low:.2f}", "intc": f"{bar.close:.2f}", "ssboe": str(midnight), "intv": f"{bar.volume:.2f}",
    }  # fmt: skip


def gtt_row(trigger: Trigger) -> dict[str, object]:
    orders = [
        {
            "tsym": traded_as(trigger.listing), "exch": exchange_of(trigger.listing), "trantype": _SIDES[trigger.side],
            "prctyp": "LMT", "prd": _PRODUCTS[trigger.product], "ret": "DAY", "qty": str(trigger.quantity),
            "prc": f"{price:.2f}",
        }
        for _, price in trigger.legs
    ]  # fmt: skip
    row: dict[str, object] = {
        "stat": "Ok", "al_id": trigger.id, "tsym": traded_as(trigger.listing), "exch": exchange_of(trigger.listing),
        "token": str(trigger.listing.number), "validity": "GTT", "norentm": "10:15:31 05-01-2026",
    }  # fmt: skip
    if len(trigger.legs) == 1:
        return row | {"ai_t": "LTP_B_O", "d": f"{trigger.legs[0][0]:.2f}", "place_order_params": orders[0]}
    (lower, _), (upper, _) = trigger.legs
    marks = [{"d": f"{upper:.2f}", "var_name": "x"}, {"d": f"{lower:.2f}", "var_name": "y"}]
    pair = {"place_order_params": orders[1], "place_order_params_leg2": orders[0]}
    return row | {"ai_t": "LMT_BOS_O", "oivariable": marks, **pair}
