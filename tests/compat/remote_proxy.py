"""Stands between kinesisfs and a real endpoint, and spoils answers:
remote_proxy.py PORT ENDPOINT-PORT DIRECTORY [CERTIFICATES]

CERTIFICATES has server-crt.pem and server-key.pem; with it both sides speak TLS.

DIRECTORY/fault says how, and is read again for each request: "KIND [OPERATION]", without OPERATION for all of
them. Each request is a line "TIME OPERATION KIND" of DIRECTORY/requests. Kinds that the endpoint does not hear of:

    refuse      the connection is reset
    error       500, and no body
    denied      AccessDeniedException, as IAM says it
    expired     ExpiredTokenException

and those whose request the endpoint has carried out:

    reset       the connection is reset instead of an answer
    stall       nothing comes
    cut         half of the body, then the end of the connection
    garbage     200 and a page for people
    huge        200 and 100 MB
    slow        the body, a byte a second

A stream of events goes through as it comes; DIRECTORY/fault is read again for each piece: stall, cut, and garbage, which
is a wrong byte in it.
"""
import http.client
import json
import os
import re
import socket
import socketserver
import ssl
import struct
import sys
import time

port, target, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
SERVER = CLIENT = None
if len(sys.argv) > 4:
    SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    SERVER.load_cert_chain(f"{sys.argv[4]}/server-crt.pem", f"{sys.argv[4]}/server-key.pem")
    CLIENT = ssl._create_unverified_context()  # endpoints of the tests sign their certificates themselves
HUGE = 100 << 20
REFUSALS = {
    "error": (500, b""),
    "denied": (400, json.dumps({"__type": "AccessDeniedException", "Message": "not authorized"}).encode()),
    "expired": (400, json.dumps({"__type": "ExpiredTokenException", "message": "The token has expired"}).encode()),
}


class Over(Exception):
    """Nothing more is said on this connection."""


class Handler(socketserver.StreamRequestHandler):
    endpoint = None

    def setup(self):
        if SERVER:
            self.request = SERVER.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        try:
            while self.one_request():
                pass
        except (Over, OSError):
            pass
        if self.endpoint is not None:
            self.endpoint.close()

    def one_request(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return False
            head += line
        body = self.rfile.read(int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head).group(1)))
        operation = re.search(rb"(?i)\r\nx-amz-target: *Kinesis_20131202\.(\w+)", head).group(1).decode()
        kind = self.kind_for(operation)
        with open(f"{directory}/requests", "a", encoding="ascii") as log:
            log.write(f"{time.time():.3f} {operation} {kind}\n")
        if kind == "refuse":
            self.reset()
        if kind in REFUSALS:
            self.reply(*REFUSALS[kind])
        else:
            self.spoil(kind, *self.forward(head + body))
        return True

    @staticmethod
    def kind_for(operation):
        with open(f"{directory}/fault", encoding="ascii") as file:
            words = file.read().split()
        return words[0] if words and words[1:] in ([], [operation]) else "pass"

    def forward(self, request):
        if self.endpoint is None:
            self.endpoint = socket.create_connection(("127.0.0.1", target))
            self.endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if CLIENT:
                self.endpoint = CLIENT.wrap_socket(self.endpoint)
        self.endpoint.sendall(request)
        answer = http.client.HTTPResponse(self.endpoint)
        answer.begin()
        if answer.getheader("Content-Type") == "application/vnd.amazon.eventstream":
            self.relay(answer)
        return answer.status, answer.read()

    def relay(self, answer):
        self.wfile.write(b"HTTP/1.1 200 -\r\nContent-Type: application/vnd.amazon.eventstream\r\nConnection: close\r\n\r\n")
        while piece := answer.read1(1 << 16):
            kind = self.kind_for("SubscribeToShard")
            if kind == "stall":
                self.rfile.read(1)
            elif kind == "cut":
                self.wfile.write(piece[: len(piece) // 2])
                break
            elif kind == "garbage":
                piece = piece[:-1] + bytes([piece[-1] ^ 1])
            self.wfile.write(piece)
        raise Over

    def spoil(self, kind, status, body):
        if kind == "reset":
            self.reset()
        elif kind == "stall":
            self.rfile.read(1)  # until who asked gives up
        elif kind == "garbage":
            self.reply(200, b"<html>We are down for maintenance.</html>")
        elif kind == "huge":
            self.reply(200, b"", HUGE)
            for _ in range(HUGE >> 16):
                self.wfile.write(b"[" * (1 << 16))
        elif kind == "slow":
            self.reply(status, b"", len(body))
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(1)
        elif kind == "cut":
            self.reply(status, body[: len(body) // 2], len(body))
            raise Over
        else:
            self.reply(status, body)

    def reply(self, status, body, length=None):
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: by-the-proxy\r\n"
        length = len(body) if length is None else length
        self.wfile.write(f"{head}Content-Length: {length}\r\n\r\n".encode() + body)

    def reset(self):
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.request.detach())
        raise Over


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    disable_nagle_algorithm = True


Handler.disable_nagle_algorithm = True
Server(("127.0.0.1", port), Handler).serve_forever()
