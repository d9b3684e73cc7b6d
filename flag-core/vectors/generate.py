#!/usr/bin/env python3
"""Prints the golden vectors of bucketing version 1.

An implementation of ../BUCKETING.md that shares no code with the crate. It needs Python 3.9 and PyPI's `blake3`, and
prints the same bytes at every run:

    pip install blake3
    python3 generate.py > bucketing-v1.json

The file is frozen: this program is here to be read, and to show that the vectors follow from the specification alone.
"""

import json
import sys

from blake3 import blake3

EVERYONE = 100_000
UNIT_KEY = blake3(b"flag-core bucketing v1 unit").digest()
SEED_KEY = blake3(b"flag-core bucketing v1 seed").digest()
SENTINELS = ("unknown", "null", "undefined", "none", "nil", "0")
# Unicode's White_Space property. Python's own `str.isspace` differs: it takes U+001C to U+001F as well.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def is_missing(unit):
    return unit in SENTINELS or all(character in WHITE_SPACE for character in unit)


def unit_digest(unit):
    return blake3(unit.encode("utf-8"), key=UNIT_KEY).digest()


def seed_digest(seed):
    return blake3(seed.encode("utf-8"), key=SEED_KEY).digest()


def lanes_of(block):
    return [int.from_bytes(block[8 * k : 8 * k + 8], "little") for k in range(4)]


def bucket_of(lane):
    return (lane * EVERYONE) >> 64


def unit_text(value):
    """The id that an attribute's value stands for, or None where it stands for none."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        return None
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        text = str(int(value))
    else:
        return None
    return None if is_missing(text) else text


def owner(bucket, allocation):
    """The variant whose ranges hold a bucket of lane 1."""
    for variant, ranges in allocation.items():
        if any(start <= bucket < end for start, end in ranges):
            return variant
    raise ValueError(f"no range holds {bucket}")


UNITS = (
    # Plain ids of several habits.
    ["install-7", "a", "A", "user", "1user", "user1", "7", "42", "00", "-1", "1e3", "3.14", "9223372036854775807"]
    # Universally unique ids, in the ways they are written.
    + ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b8109dad11d180b400c04fd430c8"]
    + ["{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "00000000-0000-0000-0000-000000000000"]
    # E-mail-like ids: case, tags and white space all count.
    + ["kim@example.com", "Kim@example.com", "kim+caro@example.com", "kim@example.com ", " kim@example.com"]
    + ["kim@example.com\n", "kim@example.com\r\n", "\tkim@example.com", "kim\u00a0@example.com"]
    # No normalisation: each pair looks the same and is not.
    + ["\u00e9", "e\u0301", "\u00c5", "A\u030a", "\u212b", "\ufb01", "fi", "\u1100\u1161", "\uac00"]
    # No case folding.
    + ["\u0130", "i\u0307", "I", "i", "\u0131", "\u00df", "ss", "SS", "\u1e9e", "\u03a3", "\u03c3", "\u03c2"]
    # Emoji: joined, not joined, with a skin tone, with a presentation selector, a flag.
    + ["\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f469\U0001f469\U0001f467", "\U0001f44b\U0001f3fd", "\U0001f44b"]
    + ["\u2764\ufe0f", "\u2764", "\U0001f1e9\U0001f1ea"]
    # Other scripts, from right to left, marks of direction, a byte order mark, characters without width or glyph.
    + ["\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627", "\u200fuser\u200e", "\u202euser\u202c"]
    + ["\ufeffuser", "user\ufeff", "\u200b", "\u2060", "\x00", "a\x00b", "\x1c", "\x7f", "\U0010ffff", "\ufffd"]
    + ["\u7528\u6237", "\u043f\u043e\u043b\u044c\u0437\u043e\u0432\u0430\u0442\u0435\u043b\u044c", "\u0e1c\u0e39\u0e49\u0e43\u0e0a\u0e49"]
    # Near the sentinels, and not one of them.
    + ["Unknown", "NULL", "Undefined", "None", "Nil", "unknown ", " null", "nobody", "false", "true", "0.0", "-0", "+0", "nan"]
)
# Ids that count as missing. Their digests are listed all the same; nobody may be bucketed by them.
MISSING = ["", " ", "\t\n\v\f\r", "\u0085", "\u00a0", "\u1680", "\u2000\u200a", "\u2028\u2029", "\u202f\u205f\u3000", *SENTINELS]
# blake3 takes blocks of 64 bytes and chunks of 1,024.
LENGTHS = [1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1_000, 1_023, 1_024, 1_025, 2_048, 2_049]
SEEDS = ["command_history", "checkout_v2", "checkout_v3", "a", "Checkout_V2", "\u00e9"]
RARE_SEEDS = (
    ["1", "0", "unknown", " ", "checkout_v2 ", "checkout_v2\n", "Team.Flag-1_x", "e\u0301", "\u00df", "\u03a3", "\u7528\u6237"]
    + ["\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u05e9\u05dc\u05d5\u05dd", "\ufeffcheckout_v2", "s" * 63, "s" * 64, "s" * 65]
    + ["s" * 127, "s" * 128, "\u00e9" * 64, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "group:onboarding", "model1"]
)


def pairs():
    for seed in SEEDS:
        for unit in UNITS:
            yield unit, seed
    for unit in MISSING:
        yield unit, "command_history"
    for length in LENGTHS:
        yield "x" * length, "command_history"
    for length in (64, 1_024):
        yield "\u00e9" * (length // 2), "command_history"
    for seed in RARE_SEEDS:
        for unit in ("install-7", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "\u00e9", "x" * 64):
            yield unit, seed
    # Their concatenations are the same text.
    yield from (("1user", "model"), ("user", "model1"), ("command_history", "install-7"))
    for n in range(64):
        yield f"user-{n}", "checkout_v2"


def unit_rows():
    for unit, seed in pairs():
        first, second = unit_digest(unit), seed_digest(seed)
        block = blake3(first + second).digest()
        lanes = lanes_of(block)
        yield {
            "unit": unit,
            "seed": seed,
            "missing": is_missing(unit),
            "unit_digest": first.hex(),
            "seed_digest": second.hex(),
            "block": block.hex(),
            "lanes": [str(lane) for lane in lanes],
            "buckets": [bucket_of(lane) for lane in lanes],
        }


def lane_rows():
    lanes = {0, 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1}
    # 3,125 buckets are exactly a 32nd of the lane; other buckets start between two lane values.
    for bucket in [1, 2, 3, 3_125, 6_250, 25_000, 33_333, 49_999, 50_000, 50_001, 93_750, 96_875, 99_998, 99_999]:
        start = -(-(bucket << 64) // EVERYONE)
        lanes |= {start - 1, start, start + 1}
    for lane in sorted(lanes):
        yield {"lane": str(lane), "bucket": bucket_of(lane)}


SHARE_BUCKETS = [0, 1, 69, 70, 24_999, 25_000, 49_999, 50_000, 99_998, 99_999]
HOLDOUT_BUCKETS = [0, 1, 49_999, 50_000, 94_999, 95_000, 99_998, 99_999]
ALLOCATIONS = [
    {"on": [[0, 100_000]]},
    {"control": [[0, 50_000]], "treatment": [[50_000, 100_000]]},
    {"treatment": [[50_000, 100_000]], "control": [[0, 50_000]]},
    {"a": [[0, 33_333]], "b": [[33_333, 66_666]], "c": [[66_666, 100_000]]},
    {"a": [[0, 10_000], [90_000, 100_000]], "b": [[10_000, 90_000]]},
    {"a": [[0, 1]], "b": [[1, 99_999]], "c": [[99_999, 100_000]]},
    {"all": [[0, 100_000]], "retired": []},
]


def buckets_at_edges(allocation):
    edges = {edge for ranges in allocation.values() for pair in ranges for edge in pair}
    return sorted({b for edge in edges for b in (edge - 1, edge, edge + 1) if 0 <= b < EVERYONE})


def find_units(seed, lane, buckets):
    """The first of unit-0, unit-1, ... in each of these buckets of a lane."""
    found, wanted, second, n = {}, set(buckets), seed_digest(seed), 0
    while wanted:
        unit = f"unit-{n}"
        bucket = bucket_of(lanes_of(blake3(unit_digest(unit) + second).digest())[lane])
        if bucket in wanted:
            wanted.remove(bucket)
            found[bucket] = unit
        n += 1
    return found


def share_rows():
    units = find_units("checkout_v2", 0, SHARE_BUCKETS)
    for bucket in SHARE_BUCKETS:
        for share in sorted({0, 1, max(bucket - 1, 0), bucket, bucket + 1, min(bucket + 2, EVERYONE), 99_999, EVERYONE}):
            yield {"seed": "checkout_v2", "unit": units[bucket], "bucket": bucket, "share": share, "exposed": bucket < share}


def holdout_rows():
    units = find_units("checkout_v2", 0, HOLDOUT_BUCKETS)
    for bucket in HOLDOUT_BUCKETS:
        for holdout in [0, 1, 2, 5_000, 50_000, 99_999, EVERYONE]:
            held_out = bucket >= EVERYONE - holdout
            yield {"seed": "checkout_v2", "unit": units[bucket], "bucket": bucket, "holdout": holdout, "held_out": held_out}


def slot_rows():
    slots = [[0, 10_000], [50_000, 90_000]]
    buckets = [0, 1, 9_999, 10_000, 10_001, 49_999, 50_000, 50_001, 89_998, 89_999, 90_000, 94_999, 95_000, 99_999]
    units = find_units("group:onboarding", 2, buckets)
    for bucket in buckets:
        for holdout in [0, 5_000, 10_000, 15_000]:
            owned = any(start <= bucket < end for start, end in slots)
            result = "held_out" if bucket >= EVERYONE - holdout else "owned" if owned else "excluded"
            row = {"group_seed": "group:onboarding", "unit": units[bucket], "bucket": bucket, "slots": slots}
            yield {**row, "holdout": holdout, "result": result}


def allocation_rows():
    units = find_units("checkout_v2", 1, {b for allocation in ALLOCATIONS for b in buckets_at_edges(allocation)})
    for allocation in ALLOCATIONS:
        for bucket in buckets_at_edges(allocation):
            row = {"seed": "checkout_v2", "unit": units[bucket], "bucket": bucket, "allocation": allocation}
            yield {**row, "variant": owner(bucket, allocation)}


def value_rows():
    texts = ["7", "7.0", "-7", "-7.0", "1e3", "1E2", "10.0", "0", "-0", "0.0", "-0.0", "7.5", "1e-7", "1e300", "-1e300"]
    # 2^53, the float that 2^53 + 1 is read as, the next float, and the whole number 2^53 + 1.
    texts += ["9007199254740992.0", "9007199254740993.0", "9007199254740994.0", "9007199254740993", "-9007199254740992.0"]
    texts += ["9223372036854775807", "-9223372036854775808", "true", "false", "null", "[]", "[7]", "{}", '{"id":7}']
    texts += ['"7"', '"7.0"', '" 7"', '"0"', '"00"', '""', '" "', '"unknown"', '"Unknown"', '"true"', '"\\u00e9"']
    for text in texts:
        unit = unit_text(json.loads(text))
        yield {"json": text, "unit": unit, "missing": unit is None}


def section(name, rows):
    lines = ",\n".join("    " + json.dumps(row, ensure_ascii=True) for row in rows)
    return f'  "{name}": [\n{lines}\n  ]'


def main():
    sections = [
        '  "bucketing": 1',
        f'  "unit_key": "{UNIT_KEY.hex()}"',
        f'  "seed_key": "{SEED_KEY.hex()}"',
        section("units", unit_rows()),
        section("lanes", lane_rows()),
        section("shares", share_rows()),
        section("holdouts", holdout_rows()),
        section("slots", slot_rows()),
        section("allocations", allocation_rows()),
        section("values", value_rows()),
    ]
    sys.stdout.write("{\n" + ",\n".join(sections) + "\n}\n")


if __name__ == "__main__":
    main()
