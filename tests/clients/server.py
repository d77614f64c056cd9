"""A Redis server that answers chosen commands with a chosen fault.

It stands in front of a real redis-server and forwards all commands that no rule is about, one after the other, so that
each library talks to a real server except for that one answer. It keeps a log of every command with its connection, its
time, and whether it was run.
"""

import asyncio
import socket
import struct
import time
from dataclasses import dataclass, field

OWN = {"HELLO", "CLIENT", "AUTH", "SELECT", "PING", "ECHO", "QUIT", "COMMAND", "MULTI", "DISCARD", "UNSUBSCRIBE", "PUNSUBSCRIBE"}


@dataclass
class Rule:
    command: str  # such as INCR; * for all but those that a proxy answers itself
    answer: str  # "-WORD text" | "nil" | "fin" | "rst"
    contains: str = ""  # one of the arguments, or of those of a MULTI for its EXEC, contains this, or is what follows =
    nth: int = 1  # the first match that it is for
    times: float = 1  # how many matches from there on; float("inf") for all
    run: bool = False  # run it all the same, and keep its answer back: an outcome that the client cannot know
    delay: float = 0.0  # before the answer, as for one that blocks
    after: bool = False  # pass on command and answer, then wait `delay` and close
    lasts: float = 0.0  # seconds from the first match on, instead of `times`
    seen: int = field(default=0)
    fired: list = field(default_factory=list)  # times

    def fires(self, name, arguments, queued):
        """`queued`: the commands of an open MULTI, None outside one."""
        if self.command == "*" and (name in OWN or queued is not None and name != "EXEC"):
            return False
        if self.command not in ("*", name):
            return False
        if self.contains:
            sought = arguments if name != "EXEC" else [word for command in queued or [] for word in command]
            exactly = self.contains.removeprefix("=") if self.contains.startswith("=") else None
            if not any(word == exactly if exactly else self.contains in word for word in sought):
                return False
        self.seen += 1
        if self.lasts and self.seen > self.nth:
            return time.monotonic() < self.fired[0] + self.lasts
        if self.nth <= self.seen < self.nth + self.times:
            self.fired.append(time.monotonic())
            return True
        return False


@dataclass
class Seen:
    at: float
    connection: int
    name: str
    arguments: list
    ran: bool


async def read_command(reader):
    line = await reader.readuntil(b"\r\n")
    if line[:1] != b"*":
        return line, line.split()
    raw, words = [line], []
    for _ in range(int(line[1:])):
        head = await reader.readuntil(b"\r\n")
        body = await reader.readexactly(int(head[1:]) + 2)
        raw += [head, body]
        words.append(body[:-2])
    return b"".join(raw), words


async def read_reply(reader):
    """Returns the bytes of one reply, with the pushes in front of it."""
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind in b"$!=" and rest != b"-1":
        return line + await reader.readexactly(int(rest) + 2)
    if kind in b"*~%>|" and rest != b"-1":
        raw = line
        for _ in range(int(rest) * (2 if kind in b"%|" else 1)):
            raw += await read_reply(reader)
        return raw + await read_reply(reader) if kind in b">|" else raw
    return line


class Server:
    def __init__(self, backend_port, rules=()):
        self.backend_port = backend_port
        self.rules = list(rules)
        self.log = []
        self.connections = 0
        self.tasks = set()
        self.started = time.monotonic()

    async def __aenter__(self):
        self.listener = await asyncio.start_server(self.client, "127.0.0.1", 0)
        self.port = self.listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.listener.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def client(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        self.connections += 1
        number = self.connections
        upstream = None
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.backend_port)
            await Client(self, number, reader, writer, *upstream).serve()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.tasks.discard(task)
            for one in (writer, upstream and upstream[1]):
                if one:
                    one.close()

    def count(self, name, contains=""):
        """How often a command came, on how many connections, and how often it was run."""
        some = [s for s in self.log if s.name == name and (not contains or any(contains in a for a in s.arguments))]
        return {"received": len(some), "connections": len({s.connection for s in some}), "ran": sum(s.ran for s in some)}


class Client:
    def __init__(self, server, number, reader, writer, up_reader, up_writer):
        self.server, self.number = server, number
        self.reader, self.writer, self.up_reader, self.up_writer = reader, writer, up_reader, up_writer
        self.queued = None  # the commands of a MULTI
        self.broken = False  # one of them was refused
        self.resp3 = False
        self.gone = False
        self.relay = None  # the answers are passed on as they come: a subscriber

    async def serve(self):
        commands = asyncio.Queue()
        taker = asyncio.create_task(self.take(commands))
        self.server.tasks.add(taker)
        try:
            while (item := await commands.get()) is not None:
                if not await self.command(*item):
                    return
        finally:
            taker.cancel()
            self.server.tasks.discard(taker)
            if self.relay:
                self.relay.cancel()

    async def take(self, commands):
        """Reads ahead, so that a client that goes ends what it waits for, and nothing is unread at a close."""
        try:
            while True:
                commands.put_nowait(await read_command(self.reader))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            self.gone = True
            commands.put_nowait(None)
            self.up_writer.close()

    async def command(self, raw, words):
        name = words[0].decode("latin-1").upper()
        arguments = [w.decode("latin-1") for w in words[1:]]
        rule = next((r for r in self.server.rules if r.fires(name, arguments, self.queued)), None)
        passes = rule is None or rule.run or rule.after
        seen = Seen(time.monotonic(), self.number, name, arguments, passes)
        self.server.log.append(seen)
        queued = self.queued
        if name == "MULTI":
            self.queued, self.broken = [], False
        elif name in ("EXEC", "DISCARD"):
            self.queued = None
        elif self.queued is not None:
            self.queued.append([name, *arguments])

        if name == "EXEC" and rule is None and self.broken:
            await self.ask(b"DISCARD\r\n")
            return await self.answer("-EXECABORT Transaction discarded because of previous errors.")
        if name.endswith("SUBSCRIBE") and passes and self.relay is None:
            self.relay = asyncio.create_task(self.pump())
        answer = None
        if passes:
            if self.relay:
                self.up_writer.write(raw)
            else:
                answer = await self.ask(raw)
        if rule is None or rule.after:
            if answer is not None:
                self.writer.write(answer)
                await self.writer.drain()
                self.resp3 = self.resp3 or (name == "HELLO" and arguments[:1] == ["3"] and not answer.startswith(b"-"))
            if rule is not None:
                asyncio.get_running_loop().call_later(rule.delay, self.end, rule.answer)
            return True
        await asyncio.sleep(rule.delay)
        if rule.answer == "pass":  # late, as one that was held; not at all for a client that is gone
            seen.ran = not self.gone
            if not self.gone:
                self.writer.write(await self.ask(raw))
            return not self.gone
        if name == "EXEC" and not rule.run:
            await self.ask(b"DISCARD\r\n")
        if queued is not None and name not in ("EXEC", "DISCARD") and rule.answer.startswith("-"):
            self.broken = True
        return await self.answer(rule.answer, array=name in ("EXEC", "BLPOP", "BRPOP"))

    async def ask(self, raw):
        self.up_writer.write(raw)
        return await read_reply(self.up_reader)

    async def answer(self, answer, array=False):
        """Answers; False if that ended the connection."""
        if answer in ("fin", "rst"):
            await asyncio.sleep(0.01 if answer == "rst" else 0)  # what was answered before is to arrive
            self.end(answer)
            return False
        raw = answer.encode() if answer != "nil" else b"_" if self.resp3 else b"*-1" if array else b"$-1"
        self.writer.write(raw + b"\r\n")
        await self.writer.drain()
        return True

    def end(self, how):
        if how == "rst":
            linger = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.writer.transport.abort()
        else:
            self.writer.close()

    async def pump(self):
        try:
            while data := await self.up_reader.read(65536):
                self.writer.write(data)
        except ConnectionError:
            pass
