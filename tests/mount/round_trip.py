"""Writes records through views, read back through the same views, len and json: they are the same.

usage: round_trip.py SEED ROUNDS    in the mount $MNT, with a stream for each round

Records are any bytes, empty ones and the largest too; writes are cut anywhere.
"""
import base64
import json
import os
import random
import struct
import sys

FRAMINGS = ["lines", "nul", "raw", "len", "json"]
CODINGS = ["", "gzip", "zstd", "kpl", "kpl,gzip", "kpl,zstd"]
LIMIT = 1 << 20


def encode(framing, data):
    if framing == "len":
        return struct.pack(">I", len(data)) + data
    if framing == "json":
        return json.dumps({"DataBase64": base64.b64encode(data).decode()}).encode() + b"\n"
    return data + {"lines": b"\n", "nul": b"\0", "raw": b""}[framing]


def decode(framing, text):
    if framing == "len":
        records = []
        while text:
            n = struct.unpack(">I", text[:4])[0]
            records.append(text[4 : 4 + n])
            text = text[4 + n :]
        return records
    if framing == "json":
        lines = [json.loads(line) for line in text.splitlines()]
        return [r["Data"].encode() if "Data" in r else base64.b64decode(r["DataBase64"]) for r in lines]
    return text.split({"lines": b"\n", "nul": b"\0"}[framing])[:-1]


def some_records(rng, framing, coding):
    largest = LIMIT - 4096 if framing == "raw" else LIMIT  # the kernel cuts a larger write(2)
    if coding:
        largest -= 8192  # the limit is of what is stored, and random bytes grow
    sizes = [0, 1, 2, largest] + [rng.choice([0, 1, 100, 5000, 70000]) for _ in range(rng.randrange(60))]
    rng.shuffle(sizes)
    for size in sizes:
        data = rng.randbytes(size)
        if framing in ("lines", "nul"):
            data = data.replace({"lines": b"\n", "nul": b"\0"}[framing], b"x")
        if data or framing != "raw":
            yield data


def write(path, framing, records, rng):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    if framing == "raw":
        for data in records:
            assert os.write(fd, data) == len(data)
    text = b"" if framing == "raw" else b"".join(encode(framing, data) for data in records)
    while text:
        text = text[os.write(fd, text[: rng.choice([1, 7, 4093, 65537, 3000001])]) :]
    os.fsync(fd)
    os.close(fd)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    rng = random.Random(int(sys.argv[1]))
    os.chdir(os.environ["MNT"])
    for i in range(int(sys.argv[2])):
        framing, coding = FRAMINGS[i % 5], CODINGS[(i // 5) % 6]
        name = "all" if (i + i // 5 + i // 30) % 2 else "shardId-000000000001"
        os.mkdir(f"s{i}@shards=3")
        records = list(some_records(rng, framing, coding))
        view = f"s{i}@{framing}" + (coding and "," + coding)
        write(f"{view}/{name}", framing, records, rng)
        for other in {framing, "len", "json"} - {"raw"}:
            got = decode(other, read(f"s{i}@{other}" + (coding and "," + coding) + "/all"))
            if name == "all":  # the order among shards is that of arrival
                records, got = sorted(records), sorted(got)
            assert got == records, (view, name, other, len(got), len(records))
        if framing == "raw":
            assert len(read(f"{view}/{name}")) == sum(map(len, records)), view


main()
