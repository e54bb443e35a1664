"""The frontend/backend protocol, as far as the fuzzer needs it.

psycopg would do, but its pure Python form takes a third of the time of a run.
What matters here is that many messages go to the server in one round trip, each
with an outcome of its own: a Batch has one Outcome for each simple query and for
each Sync.
"""

import os
import select
import socket
import struct


class Lost(Exception):
    """The server closed the connection: it crashed, or ended the session."""


class Outcome:
    __slots__ = ("error", "rows", "columns", "params", "tags", "notices", "status")

    def __init__(self):
        self.error = None       # fields of the error by their letter: C is the SQLSTATE
        self.rows = []
        self.columns = None     # (name, type OID, modifier) each
        self.params = None      # type OIDs
        self.tags = []
        self.notices = []
        self.status = "I"

    @property
    def state(self):
        return self.error["C"] if self.error else None

    def __repr__(self):
        return "<%s %s>" % (self.error or "ok", self.rows[:3])


def message(letter, body=b""):
    return letter + struct.pack("!I", len(body) + 4) + body


class Batch:
    def __init__(self):
        self.parts = []
        self.outcomes = 0

    def query(self, sql):
        self.parts.append(message(b"Q", sql.encode() + b"\0"))
        self.outcomes += 1
        return self.outcomes - 1

    def prepared(self, sql, values=None, types=(), run=True):
        """Parse and describe a statement, and run it with these values as text."""
        self.parts.append(message(b"P", b"\0" + sql.encode() + b"\0" + struct.pack(
            "!H%dI" % len(types), len(types), *types)))
        self.parts.append(message(b"D", b"S\0"))
        if run:
            values = values or ()
            bind = [b"\0\0\0\0", struct.pack("!H", len(values))]
            for value in values:
                if value is None:
                    bind.append(b"\xff\xff\xff\xff")
                else:
                    value = value.encode()
                    bind.append(struct.pack("!I", len(value)) + value)
            bind.append(b"\0\0")
            self.parts.append(message(b"B", b"".join(bind)))
            self.parts.append(message(b"E", b"\0\0\0\0\0"))
        self.parts.append(message(b"S"))
        self.outcomes += 1
        return self.outcomes - 1


class Session:
    def __init__(self, host, database, user="postgres", options=""):
        self.name = "%s as %s" % (database, user)
        self.sock = socket.socket(socket.AF_UNIX)
        self.buffer = b""
        self.sock.settimeout(120)
        # A directory, and a port if there are several servers in it.
        directory, _, port = host.partition(":")
        self.sock.connect(os.path.join(directory, ".s.PGSQL.%s" % (port or os.environ.get("PGPORT", "5432"))))
        start = {"user": user, "database": database, "client_encoding": "UTF8",
                 "application_name": "fuzz"}
        if options:
            start["options"] = options
        body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in start.items())
        self.sock.sendall(struct.pack("!II", len(body) + 9, 196608) + body + b"\0")
        outcome, = self.read(1)
        if outcome.error:
            self.sock.close()
            raise Lost(outcome.error["M"])

    def close(self):
        try:
            self.sock.sendall(message(b"X"))
        except OSError:
            pass
        self.sock.close()

    def run(self, sql):
        """One simple query."""
        self.start(sql)
        return self.finish()

    def start(self, sql):
        """Send a simple query whose outcome is read by finish()."""
        self.sock.sendall(message(b"Q", sql.encode() + b"\0"))

    def finish(self):
        return self.read(1)[0]

    def must(self, sql):
        outcome = self.run(sql)
        if outcome.error:
            raise RuntimeError("%s: %s\n%s" % (self.name, outcome.error["M"], sql[:2000]))
        return outcome.rows

    def batch(self, batch):
        data = b"".join(batch.parts)
        # Neither side may wait for the other with its buffers full.
        while len(data) > 65536:
            readable, writable, _ = select.select([self.sock], [self.sock], [], 120)
            if readable:
                self.buffer += self.sock.recv(65536)
            elif writable:
                sent = self.sock.send(data[:65536])
                data = data[sent:]
        self.sock.sendall(data)
        return self.read(batch.outcomes)

    def read(self, count):
        outcomes = []
        outcome = Outcome()
        buffer, at = self.buffer, 0
        while len(outcomes) < count:
            if len(buffer) < at + 5:
                buffer, at = self.more(buffer[at:]), 0
                continue
            kind = buffer[at:at + 1]
            length = struct.unpack_from("!I", buffer, at + 1)[0]
            if len(buffer) < at + 1 + length:
                buffer, at = self.more(buffer[at:]), 0
                continue
            body = buffer[at + 5:at + 1 + length]
            at += 1 + length
            if kind == b"D":
                outcome.rows.append(parse_row(body))
            elif kind == b"Z":
                outcome.status = body.decode()
                outcomes.append(outcome)
                outcome = Outcome()
            elif kind == b"E":
                outcome.error = parse_fields(body)
                if outcome.error.get("V") == "FATAL" and not outcomes and count == 1:
                    outcomes.append(outcome)
                elif outcome.error.get("V") in ("FATAL", "PANIC"):
                    raise Lost(outcome.error["M"])
            elif kind == b"N":
                outcome.notices.append(parse_fields(body))
            elif kind == b"C":
                outcome.tags.append(body[:-1].decode())
            elif kind == b"T":
                outcome.columns = parse_columns(body)
            elif kind == b"t":
                outcome.params = struct.unpack_from("!%dI" % struct.unpack_from("!H", body)[0], body, 2)
        self.buffer = buffer[at:]
        return outcomes

    def more(self, rest):
        try:
            data = self.sock.recv(262144)
        except ConnectionError as e:
            raise Lost(str(e))
        if not data:
            raise Lost("server closed the connection")
        return rest + data


def parse_row(body):
    count = struct.unpack_from("!H", body)[0]
    at = 2
    row = []
    for _ in range(count):
        length = struct.unpack_from("!i", body, at)[0]
        at += 4
        if length < 0:
            row.append(None)
        else:
            row.append(body[at:at + length].decode("utf-8", "replace"))
            at += length
    return row


def parse_fields(body):
    return {f[:1].decode(): f[1:].decode("utf-8", "replace") for f in body.split(b"\0") if f}


def parse_columns(body):
    columns = []
    at = 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        type_oid = struct.unpack_from("!I", body, end + 7)[0]
        typmod = struct.unpack_from("!i", body, end + 13)[0]
        columns.append((name, type_oid, typmod))
        at = end + 19
    return columns
