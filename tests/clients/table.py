"""Makes the tables of docs/clients.md from the results of run.py and programs.py."""

CLOSED = ("FIN", "RST")
WORDS = ("UNCERTAIN", "TRYAGAIN", "LOADING", "READONLY", "CLUSTERDOWN")
TWICE = "**ran twice**"


def kind(error):
    """Returns `ResponseError` of "Redis::ResponseError: …"."""
    return f"`{error.split(': ', 1)[0].split('::')[-1].split(chr(92))[-1]}`"


def cell(r):
    """Returns the text for the result of one case."""
    if r["exit"] == "did not end":
        return "**hangs**"
    fault, context = r.get("fault"), r["context"]
    if fault is None:
        return "?"
    received, ran = r["count"]["received"], r["ran"]
    again = "" if received < 2 else "sent again" if received == 2 else f"sent again {received - 1} times"
    error, value = fault.get("error"), fault.get("value")
    if context in ("subscribe", "resubscribe"):
        return subscribed(r, error)
    if context == "held":
        return held(r, error)
    if context in ("hello", "info"):
        again = "connects again" if received > 1 else "no client"
        return f"{again}, {kind(error)} to the first command" if error else again
    parts = []
    if context == "pipeline":
        parts += pipeline(r, value, again)
    elif again and context in ("incr", "lasting", "exec") and ran > 1:
        parts.append(f"{again}, **ran {ran} times**" if ran > 2 else f"{again}, {TWICE}")
    elif again:
        parts.append(again)
    elif error is None:
        parts.append("`" + {"None": "null", "False": "false", "": "[]"}.get(str(value), str(value)) + "`")
    if error is not None:
        parts.append(kind(error))
    after = r.get("after", {})
    if "error" in after:
        parts.append(f"next: {kind(after['error'])}")
    elif context not in ("incr", "get", "lasting") and after and "101" not in str(after.get("value")):
        parts.append("**next answer wrong**")
    return ", ".join(parts)


def pipeline(r, value, again):
    if again:
        doubled = sum(one["ran"] > 1 for one in r["all"].values())
        what = "all" if r["all"]["1"]["received"] > 1 else "the unanswered"
        return [f"{what} sent again, **{doubled} of 5 ran twice**"]
    if isinstance(value, list):
        failed = sum("rror" in str(one) or "UNCERTAIN" in str(one) for one in value)
        return ["error for its own command" if failed == 1 else f"error for the last {failed}"]
    if isinstance(value, str):
        failed = value.count("Err(")
        return ["error for its own command" if failed == 1 else f"error for the last {failed}"]
    return []


def subscribed(r, error):
    got = [m for m in r.get("messages") or [] if isinstance(m, int)]
    said = [kind(e) for e in r.get("errors") or [] if "Error" in e]
    if error is not None:
        said = [kind(error)]
    told = f", {said[0]} on the way" if said else ", nothing told"
    if r["count"]["received"] > 1 and len(got) > 2:
        late = f", after {r['gaps'][0]:.0f} s" if r["gaps"] and r["gaps"][0] > 2 else ""
        return "subscribes again" + late + told
    if "the stream ended" in (r.get("messages") or []) and error is None:
        return "its stream ends"
    return f"{said[0]}, ends" if said else "**nothing told, no messages**"


def held(r, error):
    seconds, received = r["fault"]["seconds"], r["count"]["received"]
    if error is None and received == 1:
        return "waits"
    first = r["gaps"][0] if r["gaps"] else seconds
    again = f", sent again {received - 1} times" if received > 2 else ", sent again" if received == 2 else ""
    return f"{first:.2g} s{again}" + (f", {kind(error)} after {seconds:.2g} s" if error else f", answered after {seconds:.0f} s")


def grouped(cells):
    """Returns one text for several answers: the most frequent result, then those that differ."""
    counts = {}
    for name, text in cells.items():
        counts.setdefault(text, []).append(name)
    usual = max(counts, key=lambda text: len(counts[text]))
    if len(counts) == 1:
        return usual
    others = [f"{' and '.join(names)}: {text}" for text, names in counts.items() if text != usual]
    return usual + "; " + "; ".join(others)


def rows(title, header, lines):
    out = [f"**{title}**", "", "| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return out + ["| " + " | ".join(line) + " |" for line in lines] + [""]


def libraries(results):
    names = list(dict.fromkeys(r["library"] for r in results))
    found = {(r["library"], r["context"], r["answer"]): r for r in results}

    def at(name, context, answers):
        return grouped({a: cell(found[name, context, a]) for a in answers if (name, context, a) in found} or {"": "?"})

    def error_at(name, context):
        """As `at` for the words, with "the error" for the one that the word gives to INCR."""
        cells = {}
        for word in WORDS:
            if (name, context, word) not in found:
                continue
            text = cell(found[name, context, word])
            plain = (found.get((name, "incr", word)) or {}).get("fault", {}).get("error")
            cells[word] = text.replace(kind(plain), "the error") if plain else text
        return grouped(cells or {"": "?"})

    out = rows(
        "The connection is closed instead of a reply",
        ["library", "INCR", "GET", "third of five in a pipeline", "EXEC", "BLPOP", "a subscriber's connection"],
        [[n, *(at(n, c, CLOSED) for c in ("incr", "get", "pipeline", "exec", "blocked", "resubscribe"))] for n in names],
    )
    out += rows(
        "An error to INCR",
        ["library", *WORDS],
        [[n, *(at(n, "incr", [w]) for w in WORDS)] for n in names],
    )
    out += rows(
        "An error elsewhere",
        ["library", "third of five in a pipeline", "EXEC", "a command within MULTI", "BLPOP", "SUBSCRIBE"],
        [[n, *(error_at(n, c) for c in ("pipeline", "exec", "queued", "blocked", "subscribe"))] for n in names],
    )
    out += rows(
        "Every INCR is answered so, for as long as it is asked",
        ["library", "closed", "UNCERTAIN", "TRYAGAIN", "LOADING", "READONLY", "CLUSTERDOWN"],
        [[n, *(lasting(found.get((n, "lasting", a))) for a in ("FIN", *WORDS))] for n in names],
    )
    out += rows(
        "Null, and a command that is held for 31 s",
        ["library", "null to GET", "to EXEC", "to BLPOP", "held for 31 s"],
        [[n, *(at(n, c, ["nil"]) for c in ("get", "exec", "blocked")), at(n, "held", ["late"])] for n in names],
    )
    early = ("FIN", "TRYAGAIN", "LOADING")
    asking = [n for n in names if (n, "hello", "FIN") in found or (n, "info", "FIN") in found]
    out += rows(
        "Closed, TRYAGAIN or LOADING while it connects",
        ["library", "to HELLO", "to INFO"],
        [[n, *(at(n, c, early) if (n, c, "FIN") in found else "" for c in ("hello", "info"))] for n in asking],
    )
    out += rows(
        "How they name themselves",
        ["library", "first commands of a connection"],
        [[n, ", ".join(f"`{g}`" for g in (found.get((n, "get", "nil")) or {}).get("greeting", [])) or "none"] for n in names],
    )
    return "\n".join(out)


def lasting(r):
    if r is not None and r["exit"] == "did not end":
        return f"**without end**, {r['count']['received']} times in 45 s"
    if r is None or not r.get("fault"):
        return "?"
    if r["count"]["received"] == 1:
        return "once"
    if max(r["gaps"]) < 0.01:
        return f"{r['count']['received']} times at once"
    pauses = f"{min(r['gaps']):.2g} to {max(r['gaps']):.2g} s"
    return f"{r['count']['received']} times in {r['fault']['seconds']:.2g} s, pauses {pauses}"


def programs(results):
    out, found = [], {}
    for r in results:
        found.setdefault((r["program"], r["place"]), {})[r["answer"]] = fate(r)
    lines = [[program, place, *(cells.get(a, "") for a in ("FIN", *WORDS))] for (program, place), cells in found.items()]
    out += rows("Ten jobs, or a call, with one answer replaced; outage: all answers to the worker for 5 s", ["program", "where", "closed", *WORDS], lines)
    return "\n".join(out)


def fate(r):
    """Returns the fate of a program in a few words."""
    if "worker_ended" in r:
        if not r["fired"]:
            return "?"
        said = r["producer_says"]
        told = ", the producer is told" if "job " in said else ""
        if r["place"] == "outage" and r["worker_ended"] is None and r["done"] == 10 and not r["twice"]:
            return f"lives, all done {max(r['seconds'] - 5, 0):.1f} s after its end"
        lives = "lives" if r["worker_ended"] is None else "**ends**"
        lost = "" if r["worker_ended"] is not None or r["done"] == 10 else f", **{r['done']} of 10**"
        double = f", **{r['twice']} twice**" if r["twice"] else ""
        return lives + told + lost + double
    if "sent" in r or "unhandled" in r or r.get("ended"):
        if "sent" not in r:
            return "**process ends**"
        return f"lives, {r['got']} of {r['sent']}" + (f", **{r['twice']} twice**" if r["twice"] else "")
    fault = r.get("fault", {})
    return kind(fault["error"]) if "error" in fault else f"`{'null' if fault.get('value') is None else fault['value']}`"
