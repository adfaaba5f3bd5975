"""The frames and answers of the published layouts, as they stand there."""

from __future__ import annotations

__all__ = ["BOOK_ROW", "CDS_LTP", "FULL", "INDEX_FULL", "MIXED", "ORDER_TEXT", "QUOTE", "frames"]

MIXED = bytes.fromhex("0002 0008 00063a01 00026683001c 0003e909 0024cf39 0024ed20 00249f0a 0024b288 0024c610 00000929")
INDEX_FULL = bytes.fromhex("0001 0020 0003e909 0024cf39 0024ed20 00249f0a 0024b288 0024c610 00000929 60e2947f")
QUOTE = bytes.fromhex(
    "0001 002c 00063a01 00026683 00000001 00026569 0011f1b2 0003e9ff 00058037 000264f3 0002673c 000261c9 0002646c"
)
CDS_LTP = bytes.fromhex("0001 0008 00064c03 2b5d8830")
FULL = bytes.fromhex(
    "0001 00b8"
    "00063a01 000266ba 00000007 0002656d 00123217 0003e9bb 00058a01 000264f3 0002673c 000261c9 0002646c"
    "60e2947f 00000000 00000000 00000000 60e2947f"
    "00000005 0002669c 00010000  0000008c 00026674 00020000  00000002 0002666f 00010000  000000db 0002666a 00070000"
    "00000032 00026665 00010000"
    "000000ac 000266ba 00030000  0000002c 000266bf 00030000  0000012e 000266c9 00030000  0000008d 000266ce 00020000"
    "000002d4 000266d3 00050000"
)


def frames() -> tuple[bytes, ...]:
    """Every binary frame."""
    return (MIXED, INDEX_FULL, QUOTE, CDS_LTP, FULL)


ORDER_TEXT = (
    '{"type":"order","data":{"user_id":"AB1234","unfilled_quantity":0,"app_id":1234,"checksum":"","placed_by":"AB1234",'
    '"order_id":"220303000308932","exchange_order_id":"1000000001482421","parent_order_id":null,"status":"COMPLETE",'
    '"status_message":null,"status_message_raw":null,"order_timestamp":"2026-01-05 09:24:25",'
    '"exchange_update_timestamp":"2026-01-05 09:24:25","exchange_timestamp":"2026-01-05 09:24:25",'
    '"variety":"regular","exchange":"NSE","tradingsymbol":"SBIN","instrument_token":779521,"order_type":"MARKET",'
    '"transaction_type":"BUY","validity":"DAY","product":"CNC","quantity":1,"disclosed_quantity":0,"price":0,'
    '"trigger_price":0,"average_price":470,"filled_quantity":1,"pending_quantity":0,"cancelled_quantity":0,'
    '"market_protection":0,"meta":{},"tag":null,"guid":"XXXXXX"}}'
)
BOOK_ROW = (
    '{"account_id":"AB1234","placed_by":"AB1234","order_id":"1953341975595868160",'
    '"exchange_order_id":"1300000038792287","parent_order_id":null,"status":"COMPLETE","status_message":null,'
    '"status_message_raw":null,"order_timestamp":"2026-01-05 11:56:33",'
    '"exchange_update_timestamp":"2026-01-05 11:56:33","exchange_timestamp":"2026-01-05 11:56:33",'
    '"variety":"regular","modified":false,"exchange":"NSE","tradingsymbol":"TATASTEEL","instrument_token":895745,'
    '"order_type":"LIMIT","transaction_type":"BUY","validity":"DAY","validity_ttl":0,"product":"CNC","quantity":1,'
    '"disclosed_quantity":0,"price":159.82,"trigger_price":0,"average_price":156.7,"filled_quantity":1,'
    '"pending_quantity":0,"cancelled_quantity":0,"market_protection":0,"meta":{},"tag":null,'
    '"tags":["mktp","mktp:2.00"],"guid":null}'
)
