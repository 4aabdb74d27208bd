"""Ten thousand connections at once to the API: idle, sending requests slowly, announcing bodies that do not
come, and others that read nothing. Arguments: the port, the pid of the server. Prints its resident memory after each."""

import resource
import socket
import sys
import time

N = 10000
PORT, PID = int(sys.argv[1]), sys.argv[2]
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Kinesis_20131202.%s\r\nX-Amz-Date: 20260101T000000Z\r\n" \
    b"Content-Type: application/x-amz-json-1.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/" \
    b"kinesis/aws4_request, SignedHeaders=host, Signature=0\r\nContent-Length: %d\r\n\r\n"


def request(operation, body):
    return HEAD % (operation, len(body)) + body


def answer(peer):
    data = peer.recv(65536)
    assert data.startswith(b"HTTP/1.1 200 "), data
    return data.partition(b"\r\n\r\n")[2]


def call(operation, body):
    """A peer that behaves is answered whatever the others do."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=60) as peer:
        peer.sendall(request(operation, body))
        return answer(peer)


def crowd(n):
    return [socket.create_connection(("127.0.0.1", PORT), timeout=60) for _ in range(n)]


def close(peers):
    for peer in peers:
        peer.close()


def report(what):
    call(b"ListStreams", b"{}")
    call(b"ListStreams", b"{" + b" " * 300000 + b"}")
    with open(f"/proc/{PID}/status") as status:
        mib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024
    print(f"{mib} {what}", flush=True)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (N + 100, max(hard, N + 100)))
    report("before")
    peers = crowd(N)
    report("idle")
    text = request(b"ListStreams", b'{"Limit": 5}')
    for at in range(0, len(text), 50):
        for peer in peers:
            peer.sendall(text[at:at + 50])
        report(f"sending slowly, {at} bytes")
    for peer in peers:
        answer(peer)
    report("answered")
    for peer in peers:
        peer.sendall(HEAD % (b"PutRecord", 20000000) + b"{")
    time.sleep(1)
    report("announced 20 MB each")
    close(peers)
    peers = crowd(N)
    for peer in peers:
        peer.sendall(b"GET /_health HTTP/1.1\r\nX: " + b"x" * 30000)
    report("heads of 30 KB")
    close(peers)
    read_nothing()


def read_nothing():
    """60 peers that ask for 14 MB each and take none of it."""
    call(b"CreateStream", b'{"StreamName": "s", "ShardCount": 1}')
    for _ in range(10):
        call(b"PutRecord", b'{"StreamName": "s", "PartitionKey": "p", "Data": "' + b"A" * 1398100 + b'"}')
    iterator = call(b"GetShardIterator", b'{"StreamName": "s", "ShardId": "shardId-000000000000", '
                    b'"ShardIteratorType": "TRIM_HORIZON"}')
    peers = []
    for _ in range(60):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", PORT))
        peer.sendall(request(b"GetRecords", iterator))
        peers.append(peer)
    time.sleep(1)
    report("answers of 14 MB that nobody takes")
    close(peers)


main()
