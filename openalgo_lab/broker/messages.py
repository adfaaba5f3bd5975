"""Messages of protocol buffers from a few lines of text, so that no generated file is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from openalgo_lab.model.errors import DecodeError

__all__ = ["reader"]


def reader(package: str, messages: Mapping[str, str], broker: str) -> Callable[[bytes], Any]:
    """A reader of the last of ``messages``, by name its fields as ``name:number:type``; a star means repeated.

    Types are double, int64, int32, string, or an earlier message. A map is on the wire a repeated entry of key 1 and
    value 2; fields that are not listed are skipped. The reader raises DecodeError.
    """

    @cache
    def parts() -> tuple[Any, type[Exception]]:
        from google.protobuf.message import DecodeError as Misfit

        return _message_class(package, messages), Misfit

    def read(frame: bytes) -> Any:
        message, misfit = parts()
        try:
            return message.FromString(frame)
        except misfit as error:
            raise DecodeError(f"A frame of {broker} is no message of its feed.") from error

    return read


def _message_class(package: str, messages: Mapping[str, str]) -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    scalars = {
        "double": kinds.TYPE_DOUBLE,
        "int64": kinds.TYPE_INT64,
        "int32": kinds.TYPE_INT32,
        "string": kinds.TYPE_STRING,
    }
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for text in fields.split():
            label, number, kind = text.split(":")
            field = message.field.add(name=label, number=int(number))
            field.label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            kind = kind.rstrip("*")
            if kind in scalars:
                field.type = scalars[kind]
            else:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{list(messages)[-1]}"))
