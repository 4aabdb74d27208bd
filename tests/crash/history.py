"""Writers that remember what was acknowledged to them, and the check of it.

history.py write STREAM-DIR RECORD-DIR ROUND SECONDS   four writers, until the time is over or a write fails
history.py check STREAM-DIR RECORD-DIR ROUND           every line of that round; and those before are as they were

A line is "WRITER ROUND NUMBER LENGTH PAD CRC". RECORD-DIR/WRITER.ROUND gets, after each
write that returned, how many lines were complete by then: outside the mount, so
that it outlives the daemon.
"""
import errno
import hashlib
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
        # EIO: the kernel could not take over the reply of a daemon that was being killed while it
        # wrote it. An EIO of the daemon's own is in its log, where kill9.sh looks for it.
        if error.errno not in (errno.ECONNABORTED, errno.ENOTCONN, errno.EIO):
            raise


def acknowledged(record, writer, number_of_round):
    with open(f"{record}/{writer}.{number_of_round}", "rb") as file:
        return int(file.read().split()[0] if os.fstat(file.fileno()).st_size > 0 else 0)


def tail(stream, record, shard):
    """The lines of a shard that came since the last check; those before must be as they were."""
    path = f"{stream}/{shard}"
    with open(path, "rb") as file:
        data = file.read()
        assert os.fstat(file.fileno()).st_size == os.stat(path).st_size == len(data), f"size of {shard}"
    assert data == b"" or data.endswith(b"\n"), f"{shard} does not end with a line"
    state = f"{record}/{shard}"
    size = 0
    if os.path.exists(state):
        with open(state) as file:
            text, digest = file.read().split()
            size = int(text)
        assert hashlib.md5(data[:size]).hexdigest() == digest, f"{shard}: the first {size} bytes have changed"
    with open(state, "w") as file:
        file.write(f"{len(data)} {hashlib.md5(data).hexdigest()}")
    return data[size:].split(b"\n")[:-1]


def check(stream, record, number_of_round):
    seen = [set() for _ in FILES]
    for shard in sorted(set(FILES) - {"all"}):
        last = [-1] * len(FILES)
        for text in tail(stream, record, shard):
            fields = text.split(b" ")
            whole = len(fields) == 6 and line(*map(int, fields[:3])) == text + b"\n"
            assert whole and int(fields[1]) == number_of_round, f"{shard}: a torn line: {text[:80]!r}"
            writer, number = int(fields[0]), int(fields[2])
            assert number > last[writer], f"{shard}: out of order or twice: {text[:80]!r}"
            assert number not in seen[writer], f"{shard}: twice: {text[:80]!r}"
            last[writer] = number
            seen[writer].add(number)
    for writer, numbers in enumerate(seen):
        done = acknowledged(record, writer, number_of_round)
        missing = set(range(done)) - numbers
        assert not missing, f"writer {writer}: {len(missing)} of {done} acknowledged lines are lost, first {min(missing)}"
        assert writer == 3 or numbers == set(range(len(numbers))), f"writer {writer}: a gap"
    print(sum(map(len, seen)), "lines")


def main():
    if sys.argv[1] == "check":
        check(*sys.argv[2:4], int(sys.argv[4]))
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
