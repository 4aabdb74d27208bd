"""Logs with a handler of Python's logging.

usage: python_writer.py HANDLER FILE WRITER LINES [SECONDS]    a pause after each line
"""
import logging
import logging.handlers
import sys
import time

kind, path, writer, lines = sys.argv[1:5]
pause = float(sys.argv[5]) if len(sys.argv) > 5 else 0
handler = {
    "file": lambda: logging.FileHandler(path),
    "file_w": lambda: logging.FileHandler(path, mode="w"),
    "watched": lambda: logging.handlers.WatchedFileHandler(path),
    "rotating_never": lambda: logging.handlers.RotatingFileHandler(path, maxBytes=1000),
    "rotating": lambda: logging.handlers.RotatingFileHandler(path, maxBytes=1000, backupCount=3),
    "timed": lambda: logging.handlers.TimedRotatingFileHandler(path, when="S"),
}[kind]()
logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(asctime)s %(process)d %(message)s")
for number in range(1, int(lines) + 1):
    logging.info("writer %s line %d end", writer, number)
    time.sleep(pause)
