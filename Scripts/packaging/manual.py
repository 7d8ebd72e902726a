"""Manual pages, made of what `gkick --help` knows: one for gkick, one for each command.

    manual.py EXECUTABLE OUT
"""
from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import parts


def roff(text: str) -> str:
    """Text that stands for itself: no line of it is taken for a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.splitlines())


def paragraphs(text: str) -> str:
    """A discussion as the command line shows it: indented lines stay as they are."""
    made, in_example = [], False
    for line in text.splitlines():
        is_example = line.startswith((" ", "\t")) and bool(line.strip())
        if is_example != in_example and (is_example or line.strip()):
            made.append(".PP\n.nf\n.RS 4" if is_example else ".RE\n.fi\n.PP")
            in_example = is_example
        elif not line.strip():
            if not in_example and made and made[-1] != ".PP":
                made.append(".PP")
            continue
        made.append(roff(line))
    if in_example:
        made.append(".RE\n.fi")
    while made and made[-1] == ".PP":
        made.pop()
    return "\n".join(made)


def dashed(name: dict) -> str:
    return ("-" if name["kind"] in ("short", "longWithSingleDash") else "--") + name["name"]


def usage(path: list[str], command: dict) -> str:
    words = [f".B {roff(' '.join(path))}"]
    if command.get("subcommands"):
        words.append(".I command\n[options]")
    else:
        words.append("[options]")
        for argument in shown(command):
            if argument["kind"] == "positional":
                name = roff(argument["valueName"])
                dots = " ..." if argument["isRepeating"] else ""
                words.append(f"[\\fI{name}\\fR{dots}]" if argument["isOptional"] else f"\\fI{name}\\fR{dots}")
    return "\n".join(words)


def shown(command: dict) -> list[dict]:
    return [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]


def options(command: dict) -> str:
    made = []
    for argument in shown(command):
        value = f" \\fI{roff(argument['valueName'])}\\fR" if argument["kind"] == "option" else ""
        if argument["kind"] == "positional":
            head = f"\\fI{roff(argument['valueName'])}\\fR"
        else:
            head = ", ".join(f"\\fB{roff(dashed(name))}\\fR" for name in argument["names"]) + value
        text = "\n".join(part for part in (argument.get("abstract"), argument.get("discussion")) if part)
        told = roff(re.sub(r"\s*\n\s*", " ", text)) or "\\&"
        made.append(f".TP\n{head}\n{told}")
    return "\n".join(made)


def page(path: list[str], command: dict, others: list[str]) -> str:
    title = "-".join(path)
    sections = [
        f'.TH "{title.upper()}" 1 "{parts.date("%Y-%m-%d")}" "gKick {parts.VERSION}" "gKick"',
        f".SH NAME\n{roff(title)} \\- {roff(command.get('abstract', '').rstrip('.').replace(chr(10), ' '))}",
        f".SH SYNOPSIS\n{usage(path, command)}",
    ]
    if command.get("discussion"):
        sections.append(f".SH DESCRIPTION\n{paragraphs(command['discussion'])}")
    commands = [one for one in command.get("subcommands", []) if one.get("shouldDisplay", True) and one["commandName"] != "help"]
    if commands:
        listed = "\n".join(f".TP\n\\fB{roff(one['commandName'])}\\fR\n{roff(one.get('abstract', ''))}" for one in commands)
        sections.append(f".SH COMMANDS\n{listed}")
    if shown(command):
        sections.append(f".SH OPTIONS\n{options(command)}")
    if path == ["gkick"]:
        sections.append(
            ".SH FILES\n.TP\n\\fI/etc/gkick/server.yaml\\fR\nThe settings of the server that is run as a service: the flags of\n.BR gkick\\-server (1)\nby name.\n"
            ".TP\n\\fI/var/lib/gkick\\fR\nIts jobs, unless its store is elsewhere.")
    sections.append(".SH SEE ALSO\n" + ",\n".join(f".BR {roff(other)} (1)" for other in others if other != title).replace(",\n", " ,\n"))
    return "\n".join(sections) + "\n"


def pages(executable: Path) -> dict[str, str]:
    """Each page's text by its file name."""
    root = json.loads(parts.run(executable, "--experimental-dump-help"))["command"]
    found: list[tuple[list[str], dict]] = []

    def walk(path: list[str], command: dict) -> None:
        found.append((path, command))
        for one in command.get("subcommands", []):
            if one.get("shouldDisplay", True) and one["commandName"] != "help":
                walk([*path, one["commandName"]], one)

    walk(["gkick"], root)
    every = ["-".join(path) for path, _ in found]
    made = {}
    for path, command in found:
        name = "-".join(path)
        # gkick names all; a command names gkick, its own commands and its kin.
        kin = every if path == ["gkick"] else [
            other for other in every if other == "gkick" or other.rpartition("-")[0] == name or (len(path) > 2 and other == "-".join(path[:-1]))]
        made[f"{name}.1"] = page(path, command, kin)
    return made


if __name__ == "__main__":
    for name, text in pages(Path(sys.argv[1])).items():
        Path(sys.argv[2], name).write_text(text)
