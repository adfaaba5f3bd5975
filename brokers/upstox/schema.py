"""The messages of Upstox's market feed, as far as they are read: built here, so that no generated file is needed.

A reader of protocol buffers skips the fields that it does not know. A map is on the wire a repeated entry.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

__all__ = ["feed_response"]

_PACKAGE: Final = "upstox"
_MESSAGES: Final = {
    "LTPC": "ltp:1:double ltt:2:int64 ltq:3:int64 cp:4:double",
    "Quote": "bidQ:1:int64 bidP:2:double askQ:3:int64 askP:4:double",
    "MarketLevel": "bidAskQuote:1:Quote*",
    "OHLC": "interval:1:string open:2:double high:3:double low:4:double",
    "MarketOHLC": "ohlc:1:OHLC*",
    "MarketFullFeed": (
        "ltpc:1:LTPC marketLevel:2:MarketLevel marketOHLC:4:MarketOHLC atp:5:double vtt:6:int64 oi:7:double"
    ),
    "IndexFullFeed": "ltpc:1:LTPC marketOHLC:2:MarketOHLC",
    "FullFeed": "marketFF:1:MarketFullFeed indexFF:2:IndexFullFeed",
    "FirstLevel": "ltpc:1:LTPC firstDepth:2:Quote vtt:4:int64 oi:5:double",
    "Feed": "ltpc:1:LTPC fullFeed:2:FullFeed firstLevelWithGreeks:3:FirstLevel",
    "Entry": "key:1:string value:2:Feed",
    "FeedResponse": "type:1:int32 feeds:2:Entry* currentTs:3:int64",
}
"""Fields as name:number:type; a star means repeated."""


@cache
def feed_response() -> Any:
    """The class of the feed's frames."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field_type = descriptor_pb2.FieldDescriptorProto
    scalars = {
        "double": field_type.TYPE_DOUBLE,
        "int64": field_type.TYPE_INT64,
        "int32": field_type.TYPE_INT32,
        "string": field_type.TYPE_STRING,
    }
    file = descriptor_pb2.FileDescriptorProto(name="upstox_feed.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for text in fields.split():
            label, number, kind = text.split(":")
            field = message.field.add(name=label, number=int(number))
            field.label = field_type.LABEL_REPEATED if kind.endswith("*") else field_type.LABEL_OPTIONAL
            kind = kind.rstrip("*")
            if kind in scalars:
                field.type = scalars[kind]
            else:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.FeedResponse"))
