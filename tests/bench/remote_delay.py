"""How long after an answer of GetRecords has arrived its records are read: remote_delay.py PORT ENDPOINT-PORT FILE COUNT

Stands before an endpoint at PORT; waits for FILE, a followed shard of a mount of that; puts COUNT records into the
shard's stream, a second apart at most, and prints the milliseconds from when an answer with a record was passed on to
when FILE's read returned: p50 p99 p99.9."""
import http.client
import json
import os
import socket
import sys
import threading
import time

port, target, path, count = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
passed = 0.0  # when the last answer with records was
HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "X-Amz-Target": "Kinesis_20131202.PutRecord",
    "X-Amz-Date": "20261123T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=A/20261123/us-east-1/kinesis/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
}


sys.setswitchinterval(0.00005)  # a thread that has woken up waits 5 ms else, at worst


def pump(source, sink, answers):
    global passed
    try:
        while data := source.recv(1 << 20):
            if answers and b'"Data":' in data:
                passed = time.monotonic()
            sink.sendall(data)
    except OSError:
        pass
    sink.close()


def relay(listener):
    while True:
        client, _ = listener.accept()
        endpoint = socket.create_connection(("127.0.0.1", target))
        for s in (client, endpoint):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=pump, args=(client, endpoint, False), daemon=True).start()
        threading.Thread(target=pump, args=(endpoint, client, True), daemon=True).start()


threading.Thread(target=relay, args=(socket.create_server(("127.0.0.1", port)),), daemon=True).start()
while not os.path.exists(path):
    time.sleep(0.05)
file = os.open(path, os.O_RDONLY)
stream = path.split("/")[-2].partition("@")[0]
delays = []
for i in range(count):
    connection = http.client.HTTPConnection("127.0.0.1", target)
    body = {"StreamName": stream, "Data": "ZGVsYXk=", "PartitionKey": "k"}
    connection.request("POST", "/", json.dumps(body), HEADERS)
    connection.getresponse().read()
    os.read(file, 1 << 16)
    delays.append(1000 * (time.monotonic() - passed))
delays.sort()
print(*(f"{delays[int(p * (count - 1))]:.3f}" for p in (0.5, 0.99, 0.999)))
