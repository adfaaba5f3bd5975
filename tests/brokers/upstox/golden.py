"""The frames of the published feed, as they stand there."""

from __future__ import annotations

__all__ = ["FULL", "GREEKS", "INDEX", "LTPC", "MARKET_INFO", "TOKENS", "frames"]

MARKET_INFO = bytes.fromhex(
    "08 02 18 95 b3 c1 8b b7 32 22 18 0a 0a 0a 06 4d 43 58 5f 46 4f 10 03 0a 0a 0a 06 4e 53 45 5f 45 51 10 02"
)
LTPC = bytes.fromhex(
    "08 01 12 2d 0a 0c 4e 53 45 5f 46 4f 7c 34 35 34 35 30 12 1d 0a 1b 09 9a 99 99 99 99 69 6b 40 10"
    "d3 9e c4 dc d4 32 18 4b 21 cd cc cc cc cc e0 7e 40 18 d7 86 c5 dc d4 32"
)
FULL = bytes.fromhex(
    "12 c7 01 0a 13 4e 53 45 5f 45 51 7c 49 4e 45 30 36 32 41 30 31 30 32 30 12 af 01 12 aa 01 0a a7"
    "01 0a 1b 09 00 00 00 00 00 64 89 40 10 d3 9e c4 dc d4 32 18 0a 21 00 00 00 00 00 50 89 40 12 32"
    "0a 17 08 64 11 9a 99 99 99 99 63 89 40 18 c8 01 21 00 00 00 00 00 64 89 40 0a 17 08 65 11 34 33"
    "33 33 33 63 89 40 18 c9 01 21 66 66 66 66 66 64 89 40 22 35 0a 33 0a 02 31 64 11 00 00 00 00 00"
    "58 89 40 19 00 00 00 00 00 78 89 40 21 cd cc cc cc cc 40 89 40 29 00 00 00 00 00 64 89 40 30 87"
    "ad 4b 38 c0 e8 b0 c5 d4 32 29 00 00 00 00 00 5e 89 40 30 87 ad 4b 49 00 00 00 00 00 f9 e5 40 51"
    "00 00 00 00 00 58 eb 40 20 01 18 d7 86 c5 dc d4 32"
)
GREEKS = bytes.fromhex(
    "08 01 12 8d 01 0a 0c 4e 53 45 5f 46 4f 7c 35 30 39 30 34 12 7d 1a 79 0a 1b 09 9a 99 99 99 99 69"
    "6b 40 10 d3 9e c4 dc d4 32 18 23 21 cd cc cc cc cc e0 7e 40 12 16 08 46 11 66 66 66 66 66 66 6b"
    "40 18 69 21 33 33 33 33 33 6b 6b 40 1a 2d 09 00 00 00 00 00 00 e0 3f 11 00 00 00 00 00 80 28 c0"
    "19 fc a9 f1 d2 4d 62 40 3f 21 00 00 00 00 00 80 3e 40 29 00 00 00 00 00 00 11 40 20 dc 0b 29 00"
    "00 00 00 00 58 ab 40 31 00 00 00 00 00 00 c8 3f 20 02 18 d7 86 c5 dc d4 32"
)
INDEX = bytes.fromhex(
    "08 01 12 6a 0a 12 4e 53 45 5f 49 4e 44 45 58 7c 4e 69 66 74 79 20 35 30 12 54 12 50 12 4e 0a 19"
    "09 00 00 00 00 20 95 d5 40 10 b0 86 c5 dc d4 32 21 33 33 33 33 43 04 d6 40 12 31 0a 2f 0a 02 49"
    "31 11 00 00 00 00 c0 94 d5 40 19 66 66 66 66 46 96 d5 40 21 cd cc cc cc 8c 94 d5 40 29 00 00 00"
    "00 20 95 d5 40 38 a0 bb c3 dc d4 32 20 01 18 d7 86 c5 dc d4 32"
)
TOKENS = {"NSE_FO|45450": 1, "NSE_EQ|INE062A01020": 2, "NSE_FO|50904": 3, "NSE_INDEX|Nifty 50": 4}


def frames() -> tuple[bytes, ...]:
    """All of them."""
    return (MARKET_INFO, LTPC, FULL, GREEKS, INDEX)
