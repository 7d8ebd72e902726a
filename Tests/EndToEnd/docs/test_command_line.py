"""Docs/command-line.md and the program say the same."""
import functools
import json
import re
import shutil
import subprocess

import pytest

from harness.server import binary
from harness.stubs import ROOT

PAGE = (ROOT / "Docs/command-line.md").read_text()
# Every place that a reader may take a command line from.
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("Docs/**/*.md"), *ROOT.glob("Examples/**/*.md"), *ROOT.glob("Examples/deploy/*"),
                *ROOT.glob("Sources/GKick/GKick.docc/*.md")])
# Arguments that choose nothing of a command's own.
HELP = {"--help", "-h", "--version"}


def run(*arguments):
    return subprocess.run([binary(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


@functools.cache
def commands():
    """{command: its flags}, as the program tells it to other programs."""
    told = json.loads(run("--experimental-dump-help").stdout)
    found = {}
    for command in told["command"]["subcommands"]:
        if command["commandName"] != "help":
            # Those of its subcommands count as its own.
            parts = [command, *(part for part in command.get("subcommands", []) if part["commandName"] != "help")]
            names = (name for part in parts for argument in part["arguments"] if argument.get("shouldDisplay", True) for name in argument.get("names") or [])
            found[command["commandName"]] = {("--" if name["kind"] == "long" else "-") + name["name"] for name in names} - {"-help"}
    return found


def rows(text, heading):
    """The first cells of the table below a heading."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n##", 1)[0].split("\n###", 1)[0]
    return [line.split("|")[1] for line in section.splitlines() if line.startswith("|")][2:]


def flags(cells):
    return {flag for cell in cells for flag in re.findall(r"`(--?[a-z][a-z-]*)`", cell)}


def test_every_command_is_described():
    assert sorted(re.findall(r"^### gkick (\S+)$", PAGE, re.M)) == sorted(commands())


@pytest.mark.parametrize("command", re.findall(r"^### gkick (\S+)$", PAGE, re.M))
def test_every_flag_is_described_and_is_there(command):
    common = flags(rows(PAGE, "## For all commands"))
    there = commands()[command]
    if command in ("schedule", "cron"):
        there = there - (commands()["enqueue"] - common)
    described = flags(rows(PAGE, f"### gkick {command}")) if f"### gkick {command}\n" in PAGE else set()
    if command == "server":
        # Its own TLS flags have the names of the common ones.
        assert described == there - HELP
    else:
        assert described == there - (common - described) - HELP
        # These ask no server.
        assert command in ("backup", "token") or (common - {"--json"}) - HELP <= there
    assert ("--json" in there) == (command not in ("server", "work", "token"))


def test_variables_of_the_environment():
    for cells in re.findall(r"^\| `(--\S+)` \| `(GKICK_\S+?)(?:=1)?` \|", PAGE, re.M):
        assert cells[1] == "GKICK_" + cells[0].lstrip("-").upper().replace("-", "_")
        assert cells[1] in run("info", "--help").stdout


def test_exit_codes():
    described = {int(cell) for cell in rows(PAGE, "### Exit codes")}
    said = re.search(r"Exit codes: (.*?)\n\n", run("help").stdout, re.S).group(1)
    assert described == {int(number) for number in re.findall(r"\b(\d+)\s", said)}


def test_states_and_types_are_those_that_there_are():
    for command, flag in (("jobs", "--state"), ("events", "--type")):
        section = PAGE[PAGE.index(f"### gkick {command}\n"):]
        described = re.search(rf"^\| `{flag}`, `-.` \| Only this (?:state|type): ([a-z_, ]+?)(?:;.*)? \|$", section, re.M).group(1).split(", ")
        said = run(command, flag, "nonsense").stderr
        there = re.search(r"there are: ([a-z_, ]+)", said).group(1).split(", ")
        assert sorted(described) == sorted(there)


def test_every_command_line_in_the_documents_exists():
    """Each `gkick COMMAND --flag` anywhere in the documents names a command and flags that there are."""
    seen = 0
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        for command, rest in re.findall(r"(?<![\w/.-])gkick ([a-z]+)((?: [^`\n|#;&)]*)?)", text):
            if command not in commands():
                # Prose: "gkick speaks", "gkick server and ..." is a command, "gkick data" is not.
                assert "--" not in rest, f"{page.name}: gkick {command}{rest}"
                continue
            seen += 1
            for flag in re.findall(r"(?:^|\s)(--?[a-z][a-z-]*)", rest):
                if flag == "-":
                    continue
                assert flag in commands()[command] | HELP, f"{page.relative_to(ROOT)}: gkick {command}{rest}"
    assert seen > 40


def test_every_setting_in_the_documents_exists():
    """Each GKICK_ variable anywhere in documents and deployment files is one that something reads."""
    settings = {flag.lstrip("-").upper().replace("-", "_") for flags in commands().values() for flag in flags}
    known = {f"GKICK_{name}" for name in settings}
    known |= {"GKICK_TOKEN", "GKICK_BIN", "GKICK_TEST_ONLY"}
    known |= set(re.findall(r"GKICK_(?:JOB|REPORT|METADATA)[A-Z_]*", (ROOT / "Sources/CommandLineTool/Work/ProgramRunner.swift").read_text()))
    for page in PAGES:
        for name in re.findall(r"\bGKICK_[A-Z_]+\b", page.read_text()):
            assert name in known or name.startswith("GKICK_METADATA_"), f"{page.relative_to(ROOT)}: {name}"


# --- completion ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell, tmp_path):
    made = run("--generate-completion-script", shell)
    assert made.returncode == 0, made.stderr
    for command in commands():
        assert command in made.stdout
    for flag in ("explain", "unique-for", "drain-timeout"):
        assert flag in made.stdout
    script = tmp_path / "gkick"
    script.write_text(made.stdout)
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("words,expected", [
    (["gkick", "enq"], "enqueue"), (["gkick", "jobs", "--sta"], "--state"), (["gkick", "jobs", "--state", "de"], "dead"),
    (["gkick", "cron", "tri"], "trigger"), (["gkick", "cron", "put", "--overlap", "sk"], "skip"), (["gkick", "limits", "put", "--max-r"], "--max-running"),
    (["gkick", "batches", "cancel", "--rea"], "--reason"), (["gkick", "bench", "lat"], "latency"), (["gkick", "events", "--type", "lease"], "lease_lost"),
])
def test_completion_in_bash(words, expected, tmp_path):
    script = tmp_path / "gkick"
    script.write_text(run("--generate-completion-script", "bash").stdout)
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"""
        source {script}
        COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1} COMP_LINE="${{COMP_WORDS[*]}}" COMP_POINT=${{#COMP_LINE}}
        COMP_TYPE=9
        "$(complete -p gkick | sed 's/.*-F \\([^ ]*\\).*/\\1/')" gkick '{words[-1]}' '{words[-2]}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "gkick").symlink_to(binary())
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                          env={"PATH": f"{bin_folder}:/usr/bin:/bin", "HOME": str(tmp_path)})
    assert expected in done.stdout.split(), done
