"""Writers that remember what was acknowledged to them, and the check of it.

history.py write STREAM-DIR RECORD-DIR ROUND SECONDS   four writers, until the time is over or a write fails
history.py check STREAM-DIR RECORD-DIR                 every line of every round; exit status 1 and a message if not

A line is "WRITER ROUND NUMBER LENGTH PAD CRC". RECORD-DIR/WRITER.ROUND gets, after each
write that returned, how many lines were complete by then: outside the mount, so
that it outlives the daemon.
"""
import errno
import os
import random
import sys
import time
import zlib

FILES = ["shardId-000000000000", "shardId-000000000000", "shardId-000000000001", "all"]


def line(writer, number_of_round, number):
    pad = "x" * random.Random(number).choice([0, 1, 10, 80, 100, 1000, 5000])
    text = f"{writer} {number_of_round} {number} {len(pad)} {pad}"
    return f"{text} {zlib.crc32(text.encode()):08x}\n".encode()


def write(stream, record, writer, number_of_round, seconds):
    """Cuts its bytes anywhere. Syncs now and then. Ends at the first failure."""
    rng = random.Random(number_of_round * 4 + writer)
    acks = os.open(f"{record}/{writer}.{number_of_round}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    begun = 0
    rest = b""
    until = time.monotonic() + seconds
    try:
        out = os.open(f"{stream}/{FILES[writer]}", os.O_WRONLY | os.O_APPEND)
        while time.monotonic() < until:
            data = rest
            for _ in range(rng.choice([1, 1, 1, 2, 50])):
                data += line(writer, number_of_round, begun)
                begun += 1
            cut = len(data) if writer % 2 == 0 else rng.randrange(1, len(data) + 1)
            data, rest = data[:cut], data[cut:]
            while data:
                data = data[os.write(out, data):]
            os.pwrite(acks, b"%d\n" % (begun - rest.count(b"\n")), 0)
            if not rest and rng.random() < 0.02:  # inside a line it would end it
                os.fsync(out)
    except OSError as error:
        if error.errno not in (errno.ECONNABORTED, errno.ENOTCONN):
            raise


def acknowledged(record, writer, number_of_round):
    with open(f"{record}/{writer}.{number_of_round}", "rb") as file:
        return int(file.read().split()[0] if os.fstat(file.fileno()).st_size > 0 else 0)


def check(stream, record):
    seen = {}
    for shard in sorted(set(FILES) - {"all"}):
        path = f"{stream}/{shard}"
        with open(path, "rb") as file:
            data = file.read()
            assert os.fstat(file.fileno()).st_size == os.stat(path).st_size == len(data), f"size of {shard}"
        assert data == b"" or data.endswith(b"\n"), f"{shard} does not end with a line"
        last = {}
        for number, text in enumerate(data.split(b"\n")[:-1]):
            fields = text.split(b" ")
            whole = len(fields) == 6 and line(*map(int, fields[:3])) == text + b"\n"
            assert whole, f"{shard}: line {number} is torn: {text[:80]!r}"
            key = (int(fields[0]), int(fields[1]))
            assert int(fields[2]) > last.get(key, -1), f"{shard}: line {number} is out of order: {text[:80]!r}"
            last[key] = int(fields[2])
            numbers = seen.setdefault(key, set())
            assert int(fields[2]) not in numbers, f"{shard}: line {number} is there twice: {text[:80]!r}"
            numbers.add(int(fields[2]))
    total = 0
    for name in os.listdir(record):
        writer, number_of_round = map(int, name.split("."))
        done = acknowledged(record, writer, number_of_round)
        numbers = seen.pop((writer, number_of_round), set())
        missing = set(range(done)) - numbers
        assert not missing, f"writer {writer}, round {number_of_round}: {len(missing)} of {done} acknowledged lines " \
            f"are lost, the first is {min(missing)}"
        assert writer == 3 or numbers == set(range(len(numbers))), f"writer {writer}, round {number_of_round}: a gap"
        total += len(numbers)
    assert not seen, f"lines that no one wrote: {list(seen)[:3]}"
    print(f"{total} lines")


def main():
    if sys.argv[1] == "check":
        check(*sys.argv[2:4])
        return
    stream, record = sys.argv[2:4]
    for writer in range(len(FILES)):
        if os.fork() == 0:
            write(stream, record, writer, int(sys.argv[4]), float(sys.argv[5]))
            os._exit(0)
    failed = False
    for _ in FILES:
        failed |= os.wait()[1] != 0
    sys.exit(failed)


try:
    main()
except AssertionError as error:
    sys.exit(str(error))
