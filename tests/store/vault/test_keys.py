"""Keys: published vectors, one purpose one key, wrapped keys open by nothing else, costs that fit the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalgo_lab.model.errors import InputError, VaultDamaged
from openalgo_lab.model.secret import Secret, SecretBytes
from openalgo_lab.store.vault.keys import (
    FASTEST_S,
    FLOOR,
    SLOWEST_S,
    KdfParameters,
    calibrate,
    check_passphrase,
    derive,
    new_key,
    new_salt,
    stretch,
    unwrap,
    wrap,
)
from openalgo_lab.store.vault.recovery import new_recovery_key, read_recovery_key, write_recovery_key

RATES = st.floats(1e-7, 1e-4)
"""Seconds for one pass over one KiB: from ten times faster than today's machines to a hundred times slower."""


@given(rate=RATES, noise=st.lists(st.floats(0.8, 1.25), min_size=12, max_size=12), most=st.integers(1, 4 * 2**20))
def test_costs_never_fall_below_the_floor_and_reach_the_range(rate: float, noise: list[float], most: int) -> None:
    jitter = iter(noise)

    def measure(cost: KdfParameters) -> float:
        return rate * cost.memory_kib * cost.passes * next(jitter, 1.0)

    cost = calibrate(measure, most)
    assert cost.memory_kib >= FLOOR.memory_kib
    assert cost.passes >= FLOOR.passes
    assert cost.memory_kib <= max(most, FLOOR.memory_kib)
    cost.check()
    quiet = rate * cost.memory_kib * cost.passes
    if cost != FLOOR:
        assert FASTEST_S * 0.7 <= quiet <= SLOWEST_S * 1.3


def test_this_machine_is_measured() -> None:
    cost = calibrate()
    cost.check()
    assert len(stretch(Secret("correct horse battery"), new_salt(), cost).reveal()) == 32


def test_floor_is_what_the_design_asks() -> None:
    assert KdfParameters(memory_kib=65536, passes=3, lanes=4) == FLOOR
    for cheap in (KdfParameters(65535, 3, 4), KdfParameters(65536, 2, 4), KdfParameters(65536, 3, 0)):
        with pytest.raises(VaultDamaged):
            cheap.check()


def test_argon2id_against_the_reference_program() -> None:
    """`echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32` of the reference implementation's own tests."""
    key = stretch(Secret("password"), b"somesalt", KdfParameters(65536, 2, 1))
    assert key.reveal().hex() == "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"


def test_purposes_and_salts_part_the_keys() -> None:
    key = new_key()
    derived = [derive(key, purpose, salt).reveal() for purpose in ("vault", "journal") for salt in (b"", b"a" * 16)]
    assert len({key.reveal(), *derived}) == 5
    assert derive(key, "vault", b"") == derive(SecretBytes(key.reveal()), "vault", b"")


@given(data=st.data())
def test_wrapped_keys_open_by_their_own_key_only(data: st.DataObject) -> None:
    key, content, bound = new_key(), new_key(), data.draw(st.binary(max_size=40))
    wrapped = wrap(key, content, bound)
    assert unwrap(key, wrapped, bound) == content
    assert unwrap(new_key(), wrapped, bound) is None
    assert unwrap(key, wrapped, bound + b"x") is None
    changed = bytearray(wrapped)
    changed[data.draw(st.integers(0, len(wrapped) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert unwrap(key, bytes(changed), bound) is None
    assert unwrap(key, wrapped[: data.draw(st.integers(0, len(wrapped) - 1))], bound) is None
    assert content.reveal() not in wrapped
    assert len(new_salt()) == 16


@pytest.mark.parametrize("easy", ["", "short", "elevenchars", "aaaaaaaaaaaaaaaaaaaa", "abababababababab"])
def test_easy_passphrases(easy: str) -> None:
    with pytest.raises(InputError, match="easy to guess"):
        check_passphrase(Secret(easy))


def test_recovery_keys_are_read_as_people_write_them() -> None:
    text, raw = new_recovery_key()
    assert len(raw.reveal()) * 8 >= 160
    spoken = text.reveal().lower().replace("-", "  ").replace("0", "o").replace("1", "l")
    for written in (text.reveal(), spoken, text.reveal().replace("-", ""), text.reveal().replace("-", "–") + "\n"):
        assert read_recovery_key(Secret(written)) == raw
    with pytest.raises(InputError, match="8 groups"):
        read_recovery_key(Secret(text.reveal()[:-1]))


@given(data=st.data())
def test_one_wrong_character_is_found_and_its_group_named(data: st.DataObject) -> None:
    letters = list(write_recovery_key(data.draw(st.binary(min_size=25, max_size=25))).reveal())
    at = data.draw(st.integers(0, len(letters) - 1).filter(lambda n: letters[n] != "-"))
    wrong = data.draw(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZU").filter(lambda one: one != letters[at]))
    letters[at] = wrong
    with pytest.raises(InputError, match=f"Group {at // 7 + 1} of the recovery key"):
        read_recovery_key(Secret("".join(letters)))


@given(data=st.data())
def test_exchanged_characters_and_groups_are_found(data: st.DataObject) -> None:
    raw = SecretBytes(data.draw(st.binary(min_size=25, max_size=25)))
    groups = [list(group) for group in write_recovery_key(raw.reveal()).reveal().split("-")]
    group, first = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 4))
    one = groups[group]
    one[first], one[first + 1] = one[first + 1], one[first]
    _found(groups, raw, same=one[first] == one[first + 1])
    one[first], one[first + 1] = one[first + 1], one[first]
    other = data.draw(st.integers(0, 7).filter(lambda n: n != group))
    groups[group], groups[other] = groups[other], groups[group]
    _found(groups, raw, same=groups[group] == groups[other])


def _found(groups: list[list[str]], raw: SecretBytes, *, same: bool) -> None:
    written = Secret("-".join("".join(group) for group in groups))
    if same:
        assert read_recovery_key(written) == raw
    else:
        with pytest.raises(InputError, match="mistyped"):
            read_recovery_key(written)
