"""Code in the documents is code that is run: the Swift articles line by line in Tests/GKick/Articles, shell commands on a server."""
import os
import re
import subprocess

import pytest

from harness.server import Server, binary
from harness.stubs import ROOT, pb
from harness.worker import duration

# Commands that go on until they are ended.
ENDLESS = r"gkick (events|work|top)\b"
FLOW = ["Docs/limits.md", "Docs/batches.md", "Docs/recurring.md"]
ARTICLES = sorted((ROOT / "Sources/GKick/GKick.docc").glob("*.md"))


def code(line):
    """A line without what may differ: spaces, and where the server is."""
    line = re.sub(r'"(localhost|gkick\.internal):7450"', "server.endpoint", line)
    return re.sub(r"\s+", " ", line).strip()


def test_the_articles_that_there_are():
    """First job, workers, retries and failure, scheduling, workflows, testing, deploying; the front page links them all."""
    names = {page.stem for page in ARTICLES}
    assert names == {"GKick", "FirstJob", "Workers", "RetriesAndFailure", "Scheduling", "Workflows", "Testing", "Deploying"}
    front = (ROOT / "Sources/GKick/GKick.docc/GKick.md").read_text()
    assert set(re.findall(r"<doc:(\w+)>", front)) == names - {"GKick"}


@pytest.mark.parametrize("page", [*ARTICLES, ROOT / "README.md", *(ROOT / page for page in FLOW)], ids=lambda page: page.stem)
def test_every_line_of_swift_is_compiled(page):
    tests = ROOT / "Tests/GKick/Articles"
    compiled = "\n".join(code(line) for file in tests.glob("*.swift") for line in file.read_text().splitlines())
    for block in re.findall(r"```swift\n(.*?)```", page.read_text(), re.S):
        for line in block.splitlines():
            assert code(line) in compiled, f"{page.name}: {line}"


def test_symbols_that_the_articles_link_to_exist():
    sources = "\n".join(file.read_text() for file in (ROOT / "Sources/GKick").rglob("*.swift"))
    for page in ARTICLES:
        for link in re.findall(r"(?<!`)``([^`\n]+)``(?!`)", page.read_text()):
            for part in link.split("/"):
                name = part.split("(")[0]
                assert re.search(rf"\b(struct|class|protocol|enum|func|var|let|case|init|typealias|package) {name}\b", sources) or name in (
                    "GKick", "events"), f"{page.name}: {link}"


def blocks(page):
    return re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.S)


def test_the_commands_of_the_readme_and_the_command_line_page(tmp_path):
    """Each as it stands; those that follow or work for ever are ended when they have shown that they do."""
    (tmp_path / "cat.png").write_text("")
    (tmp_path / "resize.sh").write_text("#!/bin/sh\ncat\n")
    (tmp_path / "resize.sh").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gkick").symlink_to(binary())
    for folder in (".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"):
        (tmp_path / folder).mkdir(parents=True)
    seen = 0
    with Server() as server:
        environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "HOME": str(tmp_path), "GKICK_ADDRESS": server.address}
        for block in [*blocks("Docs/command-line.md"), *blocks("README.md")]:
            # Tests/Packages installs what the README begins with, and runs it.
            for command in block.splitlines() if "pip install" not in block else []:
                if "gkick " not in command:
                    continue
                command = command.split("       #")[0]
                endless = re.search(ENDLESS, command)
                if re.search(r"gkick bench$", command):
                    command += " --jobs 500 --rate 100 --duration 1s"
                # That server's store lies elsewhere.
                command = command.replace("embedded:gkick-data", server.store)
                script = f"timeout --preserve-status -s TERM 1 {command}" if endless else command
                done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=120)
                # 143: ended by the signal, before it was ready to drain.
                assert done.returncode in ({0, 143} if endless else {0}), (command, done)
                seen += 1
        queues = {queue.name for queue in server.admin.ListQueues(pb.ListQueuesRequest(), timeout=10).queues}
    assert seen >= 17 and {"default", "images"} <= queues
    for file in (".local/share/bash-completion/completions/gkick", ".zfunc/_gkick", ".config/fish/completions/gkick.fish"):
        assert "drain-timeout" in (tmp_path / file).read_text()


def test_the_commands_of_the_articles_on_flow(tmp_path):
    (tmp_path / "gkick").symlink_to(binary())
    with Server() as server:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "GKICK_ADDRESS": server.address}
        for page in FLOW:
            assert blocks(page)
            for block in blocks(page):
                done = subprocess.run(["bash", "-e", "-c", block], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
                assert done.returncode == 0 and not done.stderr, (block, done)
        # What the articles say of it.
        job = server.job("load-5")
        assert job.state == pb.JOB_STATE_BLOCKED and list(job.spec.depends_on) == ["transform-5"]
        batch = server.jobs.GetBatch(pb.GetBatchRequest(batch_id="import-7"), timeout=10).batch
        assert (batch.jobs, batch.closed, batch.on_succeeded.name, batch.on_finished.name) == (3, True, "report.send", "cleanup")
        turns = [server.work.Fetch(pb.FetchRequest(worker_id="w", queues=[pb.QueueSubscription(queue="reports")], max_wait=duration(5)), timeout=10).jobs[0]
                 for _ in range(3)]
        assert [job.payload for job in turns] == [b"a", b"c", b"b"]
        assert len(server.admin.ListLimits(pb.ListLimitsRequest(), timeout=10).limits) == 3


def test_what_the_articles_on_flow_say_in_passing(tmp_path):
    """Commands within sentences, the words of each limit's, dependency's and recurring job's flags, and the file of recurring jobs."""
    (tmp_path / "gkick").symlink_to(binary())
    text = {page: (ROOT / page).read_text() for page in FLOW}
    (document,) = re.findall(r"```json\n(.*?)```", text["Docs/recurring.md"], re.S)
    file = tmp_path / "jobs.json"
    file.write_text(document)
    with Server("--cron-file", str(file)) as server:
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "GKICK_ADDRESS": server.address}

        def run(command, **options):
            done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=30, **options)
            # That there is none of what is asked for is said there.
            assert done.returncode in (0, 143) and re.fullmatch(r"(no [\w ]+\n)?", done.stderr), (command, done)
            return done.stdout

        jobs = {one.id: one for one in server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(), timeout=10).recurring_jobs}
        assert set(jobs) == {"nightly", "poll"} and jobs["nightly"].time_zone == "Europe/Berlin" and jobs["poll"].job.queue == "feeds"
        made = run("gkick cron trigger nightly") + run("gkick jobs --recurring nightly")
        assert "report.make" in made
        # Each that stands in a sentence, with what it leaves to its reader.
        blank = {"ID": "import-7", "EXPRESSION": "'0 9 * * FRI#3'", "job ID": "job held"}
        put = {"gkick limits put": " --key tenant-7 --max-running 1", "gkick limits delete": " --key tenant-7", "gkick cron pause": " nightly",
               "gkick cron trigger": " poll", "gkick enqueue": " image.resize --key tenant-7"}
        run("gkick batches put import-7")
        run("gkick enqueue image.resize --key tenant-7 --id held")
        seen = []
        for page in ("Docs/limits.md", "Docs/batches.md", "Docs/recurring.md"):
            # A limit's own goes last: what it holds back is explained before.
            said = sorted(set(re.findall(r"`(gkick\s[^`]+)`", text[page])), key=lambda one: ("delete" in one, "explain" in one, "limits put" not in one, one))
            for command in (re.sub(r"\s+", " ", one) for one in said):
                if command.startswith("gkick server"):
                    continue
                words = command + put.get(command, "")
                for name, value in sorted(blank.items(), key=lambda pair: -len(pair[0])):
                    words = re.sub(rf"\b{name}\b", value, words)
                out = run(f"timeout --preserve-status -s TERM 1 {words}" if re.search(ENDLESS, words) else words)
                seen.append(command)
                if command == "gkick cron next --cron EXPRESSION":
                    assert len(out.splitlines()) >= 3, out
        assert len(seen) >= 12, seen
        # The table's words.
        for command in ("gkick cron put m --every 1h --missed {} n", "gkick cron put m --every 1h --overlap {} n"):
            for word in ("one", "skip", "all") if "missed" in command else ("allow", "skip"):
                run(command.format(word))
        run("gkick cron put m --every 1h --paused n")
        (paused,) = [one for one in server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(), timeout=10).recurring_jobs if one.id == "m"]
        assert paused.paused
        # "2 of 2 running for key tenant-7".
        run("gkick limits put --key-prefix tenant- --max-running 2")
        for number in range(3):
            run(f"gkick enqueue image.resize --queue images --key tenant-9 --id t{number}")
        server.work.Fetch(pb.FetchRequest(worker_id="w", queues=[pb.QueueSubscription(queue="images")], max_jobs=5, max_wait=duration(5)), timeout=10)
        assert "2 of 2 running for key tenant-9" in run("gkick job t2 --explain")
        metrics = server.get("/metrics")[1]
        for name in set(re.findall(r"`(gkick_\w+)`", "".join(text.values()))):
            assert name in metrics, name


def test_the_commands_of_the_readme_are_there():
    for command in re.findall(r"^(Scripts/\w+|Benchmarks/\w+/run)\b", "\n".join(blocks("README.md")), re.M):
        assert os.access(ROOT / command, os.X_OK), command


@pytest.mark.parametrize("page", [page.relative_to(ROOT) for page in [*ROOT.glob("*.md"), *ROOT.glob("Docs/**/*.md"), *ROOT.glob(
    "Examples/**/*.md")]], ids=str)
def test_links(page):
    """Links within the repository lead somewhere, those to a heading to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = [re.sub(r"[^\w\- ]", "", line.lstrip("# ")).lower().replace(" ", "-")
                        for line in file.read_text().splitlines() if line.startswith("#")]
            assert anchor in headings, target


def test_paths_named_in_the_readme_exist():
    for name in re.findall(r"`((?:Examples|Docs|Benchmarks|Scripts|Tests|Protos|Sources)/[\w./-]*)`", (ROOT / "README.md").read_text()):
        assert (ROOT / name).exists(), name


def test_benchmarks_named_in_the_documents_can_be_run():
    text = "\n".join(page.read_text() for page in [ROOT / "README.md", *ROOT.glob("Docs/*.md")])
    for script in set(re.findall(r"Benchmarks/\w+/run", text)):
        assert os.access(ROOT / script, os.X_OK), script
