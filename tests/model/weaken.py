#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Weakens each order of the engine by one step and asks whether a model notices.

    weaken.py [--edge NAME ...] [--file PATH ...] [--iterations N] [--jobs N] [--quiet] [--build DIR]
    weaken.py --list [--edge NAME ...] [--file PATH ...]     the sites, and what each is weakened to
    weaken.py --page FILE [--build DIR]                      writes the table of what the runs so far have found
    weaken.py --keep [--build DIR]                           writes noticed.txt, likewise
    weaken.py --compile MODEL --build DIR [--depfile FILE]   one model as it is, for CMake
    weaken.py --self-test

A site is one at_ operation in engine/ that is not relaxed; the comment beside it names its edge. Each is replaced, in a
copy of the engine, by the next weaker operation (an acq_rel one by its two halves), and the models that include the file
and name the edge run, until one fails. A weakening that no model notices has to stand in survivors.txt with its reason,
and a reason for what is noticed is wrong too. A model that has not ended after fifteen minutes shows nothing: where no other one
notices, that is open, and no reason excuses it.

noticed.txt keeps for each weakening the world that noticed it and in which execution, so that a run begins there: with
four times as many executions, and if they do not notice with all worlds. `--keep` writes it.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "api"))
sys.dont_write_bytecode = True
from ordering_edges import LINES_ABOVE, MENTION, WRAPPERS, edges_of_model, rows, split, unwrapped  # noqa: E402

OPERATION = re.compile(r"\bat_(load|store|store_fence|exchange|cas|fetch_add|fetch_sub|fence)_"
                       r"(acquire|release|acq_rel|seq_cst)(?:_(u8|u32|u64|ptr))?(?=\s*\()")
LAYERS = ("base", "port", "sync", "percpu", "work", "notify", "rebalance", "partition", "wdk")
CFLAGS = ["-std=gnu11", "-O1", "-w", "-fno-pie", "-fsanitize=thread", "-DDHP_CHECKS=3", "-DDHPI_WINDOW=256u", "-DDHPI_BITE=1u"]


ENDLESS = "did not end"
RUN_SECONDS = 900  # of one model
REASONED = 5  # so much fewer executions for what has a reason


def weaker(kind, order):
    """What is one step weaker; for the orders that are not comparable, both."""
    if kind == "fence":
        return ["fence_none"]
    if kind == "store_fence":
        return ["store_release", "store_fence_relaxed"]
    if order in ("acquire", "release"):
        return [f"{kind}_relaxed"]
    if kind == "load":
        return ["load_acquire"]
    if kind == "store":
        return ["store_release"]
    return [f"{kind}_acq_rel"] if order == "seq_cst" else [f"{kind}_acquire", f"{kind}_release"]


def compiler(variable, otherwise):
    """May begin with a launcher such as ccache."""
    return shlex.split(os.environ.get(variable, otherwise))


def include_path(engine, root):
    return [HERE / "include", root / "include"] + [engine / layer for layer in LAYERS] + [engine]


class Site:
    def __init__(self, path, line, nth, text, start, end, kind, order, suffix, edges):
        self.path, self.line, self.nth, self.kind, self.order, self.suffix = path, line, nth, kind, order, suffix
        self.text, self.start, self.end, self.edges = text, start, end, edges

    def operation(self):
        return self.text[self.start:self.end]

    def replaced(self, name):
        new = "at_" + name + (f"_{self.suffix}" if self.suffix and name != "fence_none" else "")
        return new, self.text[:self.start] + new + self.text[self.end:]


def function_at(code, position):
    """The name of the function around it: the last line before that starts in the first column with a name and a bracket."""
    found = "?"
    for match in re.finditer(r"^(?:[A-Za-z_][^\n;={}]*?\b)?([A-Za-z_]\w*)\([^;{}]*\)\s*\n?\{", code[:position], re.M):
        found = match.group(1)
    return found


def sites(root):
    found = []
    for path in sorted((root / "engine").rglob("*.[ch]")):
        where = path.relative_to(root).as_posix()
        if where in WRAPPERS:
            continue
        text = path.read_text()
        code, comments = split(text)
        comments = unwrapped(comments)
        mentions = {}
        for match in MENTION.finditer(comments):
            mentions.setdefault(comments.count("\n", 0, match.start()) + 1, []).append(match.group(1))
        single = {}  # edge names without a hyphen: [spin], [gate], [defer], [drain]
        for match in re.finditer(r"\[([a-z]+)\]\s+(?:release|acquire|either-or)", comments):
            single.setdefault(comments.count("\n", 0, match.start()) + 1, []).append(match.group(1))
        for line, names in single.items():
            mentions.setdefault(line, []).extend(names)
        counted = {}
        for match in OPERATION.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            near = [names for at in range(line, line - LINES_ABOVE - 1, -1) for names in [mentions.get(at)] if names]
            function = function_at(code, match.start())
            nth = counted[function, match.group()] = counted.get((function, match.group()), 0) + 1
            site = Site(where, line, nth, text, match.start(), match.end(), *match.groups(),
                        sorted({name for names in near for name in names}))
            site.function = function
            found.append(site)
    return found


def key_of(site, new):
    return f"{site.path} {site.function} {site.operation()}#{site.nth} -> {new}"


class Model:
    """A C file of this folder that ends with its worlds. A line `Edges: ...` in its head says what it shows of the engine."""
    def __init__(self, path):
        self.path, self.name = path, path.stem
        text = path.read_text()
        self.edges = edges_of_model(text)
        self.worlds = "\nconst struct model_world " in text
        match = re.search(r"^ \* Sources: (.*)", text, re.M)
        self.sources = match.group(1).split() if match else []

    def compilations(self, engine, root, folder):
        """(source, command, object) for the model and each file of the engine that it wants compiled beside it"""
        include = include_path(engine, root)
        for source in [self.path] + [engine / name for name in self.sources]:
            output = Path(folder, f"{self.name}-{source.parent.name}-{source.stem}.o")
            yield (source, compiler("CC", "cc") + CFLAGS + [f"-I{path}" for path in include] + ["-include", "model_cpu.h"] +
                   [str(source), "-c", "-o", str(output)], output)

    def includes(self, root):
        text = ""
        for _, command, output in self.compilations(root / "engine", root, "/"):
            command = [word for word in command if word not in ("-c", "-o", str(output))] + ["-MM"]
            text += subprocess.run(command, check=True, capture_output=True, text=True).stdout
        engine = (root / "engine").resolve()
        found = set()
        for word in text.replace("\\\n", " ").split():
            try:
                found.add("engine/" + Path(word).resolve().relative_to(engine).as_posix())
            except ValueError:
                pass
        return found


def models():
    return [model for model in map(Model, sorted(HERE.glob("*.c"))) if model.worlds]


def survivors():
    """{(file, function, operation, nth, weaker): reason}, {edge: reason}"""
    places, edges = {}, {}
    for number, line in enumerate((HERE / "survivors.txt").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        what, colon, reason = line.partition(": ")
        words = what.split()
        if not reason.strip():
            raise SystemExit(f"survivors.txt:{number}: no reason")
        if len(words) == 2 and words[0] == "edge":
            edges[words[1]] = reason
        elif len(words) == 5 and words[3] == "->":
            operation, _, nth = words[2].partition("#")
            places[words[0], words[1], operation, int(nth or 1), words[4]] = reason
        else:
            raise SystemExit(f"survivors.txt:{number}: neither `edge NAME: why` nor `FILE FUNCTION OPERATION[#N] -> WEAKER: why`")
    return places, edges


NOTICED = re.compile(r"(\w+): (\w+), run (\d+)")


def noticed():
    """{what key_of says: [(model, world, execution)]}"""
    table, path = {}, HERE / "noticed.txt"
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            what, model, world, execution = line.rsplit(" ", 3)
            table[what.rstrip(":")] = [(model, world, int(execution))]
    return table


def keep(root, build):
    """noticed.txt, of what the runs so far have found"""
    results, lines = Results(build).all, []
    for site in sites(root):
        for name in weaker(site.kind, site.order):
            key = key_of(site, site.replaced(name)[0])
            _, state, said = results.get(key, ["", "", ""])
            if state == "caught" and (match := NOTICED.match(said)):
                lines.append(f"{key}: {match.group(1)} {match.group(2)} {match.group(3)}")
    (HERE / "noticed.txt").write_text("\n".join([
        "# SPDX-License-Identifier: BSD-2-Clause", "#", "# Written by weaken.py --keep: which world noticed a weakening, and in which execution.", "#",
        "#   FILE FUNCTION OPERATION#N -> WEAKER: MODEL WORLD EXECUTION", "", *lines, ""]))


def why(text):
    """`world: what is wrong` of what a model wrote."""
    failed = re.search(r"^(\w+): FAILED, (\d+) executions\n(.*)", text, re.M)
    return f"{failed.group(1)}, run {failed.group(2)}: {failed.group(3)}" if failed else ""


class Runner:
    def __init__(self, root, build, iterations):
        self.root, self.build, self.iterations = root, build, iterations
        self.models = models()
        self.objects = [str(build / "relacy.o"), str(build / "port_model.o")]
        self.includes = {model.name: model.includes(root) for model in self.models}
        self.noticed = noticed()
        self.seconds = RUN_SECONDS
        self.folder = tempfile.TemporaryDirectory()
        self.kept, self.lock = {}, threading.Lock()

    def prepare(self):
        """The part that all models share, if it is older than its sources."""
        self.build.mkdir(parents=True, exist_ok=True)
        include = [f"-I{path}" for path in include_path(self.root / "engine", self.root)]
        flags = {"relacy.cpp": compiler("CXX", "c++") + ["-std=gnu++11", "-O2", "-w", "-fno-pie"],
                 "port_model.c": compiler("CC", "cc") + ["-std=gnu11", "-O1", "-fno-pie", "-DDHP_CHECKS=3", "-DDHPI_WINDOW=256u", "-DDHPI_BITE=1u"]}
        newest = max(path.stat().st_mtime for path in (HERE / "include").glob("*.h"))
        for source, output in zip(sorted(flags, reverse=True), self.objects):
            wanted = max(newest, (HERE / source).stat().st_mtime)
            if not Path(output).exists() or Path(output).stat().st_mtime < wanted:
                partial = f"{output}.{os.getpid()}"
                subprocess.run(flags[source] + include + ["-c", str(HERE / source), "-o", partial], check=True)
                os.replace(partial, output)

    def keep(self, model):
        """The objects of the model as it is, by source."""
        with self.lock:
            if model.name not in self.kept:
                self.kept[model.name] = {}
                for source, command, output in model.compilations(self.root / "engine", self.root, self.folder.name):
                    subprocess.run(command, check=True)
                    self.kept[model.name][source] = str(output)
            return self.kept[model.name]

    def link(self, model, objects, folder):
        return subprocess.run(compiler("CXX", "c++") + ["-no-pie", "-Wl,--unresolved-symbols=ignore-all", "-o",
                              str(Path(folder, model.name)), *objects, *self.objects], capture_output=True, text=True).stderr

    def compile(self, model, engine, folder):
        """What the compiler said; empty: it is there."""
        objects = []
        for _, command, output in model.compilations(engine, self.root, folder):
            compiled = subprocess.run(command, capture_output=True, text=True)
            if compiled.returncode != 0:
                return compiled.stderr
            objects.append(str(output))
        return self.link(model, objects, folder)

    def compile_changed(self, model, path, folder):
        """The same for one changed C file of the engine, in the folder `engine` there: what does not have it is as it is."""
        objects = dict(self.keep(model))
        own = self.root / path
        source = own if own in objects else model.path  # its own, or included by the model
        include = include_path(self.root / "engine", self.root)
        include.insert(1, Path(folder, "engine"))
        output = str(Path(folder, f"{model.name}-changed.o"))
        compiled = subprocess.run(compiler("CC", "cc") + CFLAGS + [f"-I{path}" for path in include] +
                                  ["-include", "model_cpu.h", str(Path(folder, path) if source == own else source), "-c", "-o", output],
                                  capture_output=True, text=True)
        if compiled.returncode != 0:
            return compiled.stderr
        objects[source] = output
        return self.link(model, objects.values(), folder)

    def run(self, model, folder, iterations, world=None):
        """("caught", "survived" or ENDLESS; what it said)"""
        command = [str(Path(folder, model.name)), "--iterations", str(iterations)] + (["--world", world] if world else [])
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=self.seconds)
        except subprocess.TimeoutExpired:
            return ENDLESS, f"{world or 'all worlds'}, {self.seconds} s"
        crashed = f"ended by signal {-result.returncode}" if result.returncode < 0 else ""
        return "caught" if result.returncode != 0 else "survived", why(result.stdout) or crashed

    def build_with(self, site, text, models, folder):
        """What the compiler said of the models with the changed file."""
        whole = site.path.endswith(".h")  # a file is found beside who includes it, so all of them go with a header
        if whole:
            shutil.copytree(self.root / "engine", Path(folder, "engine"), dirs_exist_ok=True)
        Path(folder, site.path).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, site.path).write_text(text)
        for model in models:
            said = (self.compile(model, Path(folder, "engine"), folder) if whole else
                    self.compile_changed(model, site.path, folder))
            if said:
                return said
        return ""

    def attempts(self, site, new, candidates):
        """(models, executions, world): first what noticed it before."""
        yield from ([([model], 4 * execution + 100, world)] for name, world, execution in self.noticed.get(key_of(site, new), [])
                    for model in candidates if model.name == name)
        reason = (site.path, site.function, site.operation(), site.nth, new) in survivors()[0]
        yield [(candidates, self.iterations // (REASONED if reason else 25), None)]
        if not reason:
            yield [(candidates, self.iterations, None)]

    def weaken(self, site, name):
        new, text = site.replaced(name)
        candidates = [model for model in self.models
                      if set(model.edges) & set(site.edges) and site.path in self.includes[model.name]]
        started, compiled, endless = time.monotonic(), set(), {}
        with tempfile.TemporaryDirectory() as folder:
            for attempt in self.attempts(site, new, candidates):
                for models, iterations, world in attempt:
                    if said := self.build_with(site, text, [model for model in models if model.name not in compiled], folder):
                        return site, new, "broken", said[:300], 0
                    compiled |= {model.name for model in models}
                    for model in models:
                        if model.name in endless:
                            continue
                        state, said = self.run(model, folder, iterations, world)
                        if state == "caught":
                            return site, new, state, f"{model.name}: {said.strip()}", time.monotonic() - started
                        if state == ENDLESS:
                            endless[model.name] = said
        state = ENDLESS if endless else "survived" if candidates else "not modelled"
        said = [f"{model.name}: {endless[model.name]}" if model.name in endless else model.name for model in candidates]
        return site, new, state, ", ".join(said), time.monotonic() - started


def compile_one(runner, name, depfile):
    """For CMake: the model as it is, with lines for what it was made of."""
    model = next(model for model in runner.models if model.name == name)
    runner.prepare()
    with tempfile.TemporaryDirectory() as folder:
        if said := runner.compile(model, runner.root / "engine", folder):
            print(said)
            return 1
        shutil.move(str(Path(folder, name)), str(runner.build / name))
    if depfile:
        parts = [runner.root / part for part in sorted(runner.includes[name])]
        depfile.write_text(f"{runner.build / name}: " + " ".join(map(str, parts + sorted((HERE / "include").glob("*.h")))) + "\n")
    return 0


class Results:
    """What was found for each weakening, kept between runs: `path function operation#n -> weaker`: [edges, state, who noticed]."""
    def __init__(self, build):
        self.path = build / "results.json"
        self.all = json.loads(self.path.read_text()) if self.path.exists() else {}

    def add(self, site, new, state, said):
        self.all[key_of(site, new)] = [site.edges, state, said]
        partial = self.path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(self.all, indent=0, sort_keys=True))
        os.replace(partial, self.path)


def kind_of(state, has_reason):
    """A reason says why no model can notice; of a model that did not end nothing is known."""
    if state == "caught":
        return "caught"
    return "reason" if has_reason and state != ENDLESS else "open"


def page(root, build, iterations):
    """docs/models.md"""
    results, (reasons, excused) = Results(build).all, survivors()
    everything = [(site, site.replaced(name)[0]) for site in sites(root) for name in weaker(site.kind, site.order)]
    by_edge = {}
    for site, new in everything:
        for edge in site.edges:
            by_edge.setdefault(edge, []).append((site, new))
    modelled = {}
    for model in models():
        for edge in model.edges:
            modelled.setdefault(edge, []).append(model.name)
    lines = []
    total = {"caught": 0, "reason": 0, "open": 0}
    for edge in filter(None, rows((root / "engine" / "README.md").read_text())):
        count = {"caught": 0, "reason": 0, "open": 0}
        files, orders = set(), set()
        for site, new in by_edge.get(edge, []):
            files.add(site.path.removeprefix("engine/"))
            orders.add(site.operation().removeprefix("at_").rsplit("_", 1)[0] if site.suffix else site.operation()[3:])
            state = results.get(key_of(site, new), ["", "", ""])[1]
            key = (site.path, site.function, site.operation(), site.nth, new)
            count[kind_of(state, key in reasons or edge in excused)] += 1
        lines.append(f"| `{edge}` | {', '.join(modelled.get(edge, [])) or '-'} | {', '.join(sorted(files))} | "
                     f"{', '.join(sorted(orders))} | {count['caught']} | {count['reason']} | {count['open']} |")
    for site, new in everything:
        state = results.get(key_of(site, new), ["", "", ""])[1]
        key = (site.path, site.function, site.operation(), site.nth, new)
        total[kind_of(state, key in reasons or set(site.edges) <= set(excused))] += 1
    why_not = [f"- `{edge}`: {reason}" for edge, reason in sorted(excused.items())]
    kept = [f"- `{path}`, `{function}`, `{operation}`{f' ({nth})' if nth > 1 else ''} as `{new}`: {reason}"
            for (path, function, operation, nth, new), reason in sorted(reasons.items())]
    return "\n".join([
        "<!-- SPDX-License-Identifier: BSD-2-Clause -->", "# Weak-memory models", "",
        "Written by `tests/model/weaken.py --page`. How the models work: [tests/model/README.md](../tests/model/README.md).", "",
        "    make models      # every model as it is; in `make check` too, with fewer executions, where Relacy is",
        "    make weaken      # each order one step weaker: a model has to notice, or tests/model/survivors.txt says why not", "",
        f"{len(everything)} weakenings of {len(sites(root))} operations: {total['caught']} caught, {total['reason']} with a reason, "
        f"{total['open']} open. What has a reason is tried in {iterations // REASONED} executions or more of each world of its models.", "",
        "One operation may stand at several edges, and counts at each. *Open*: not noticed, and nobody has said why that is right;",
        "or a model did not end; or not tried yet.", "",
        "| edge | models | files | operations | caught | with a reason | open |", "|---|---|---|---|---|---|---|", *lines, "",
        "## Edges without a model", "", *why_not, "", "## Weakenings that no model notices", "", *kept, ""])


# ---- the self-test: programs that stand for models ----

PROGRAMS = {
    "notices": "#!/bin/sh\necho 'two: FAILED, 7 executions'\necho 'a data race'\nexit 1\n",
    "crashes": "#!/bin/sh\nkill -SEGV $$\n",
    "passes": "#!/bin/sh\nexit 0\n",
    "hangs": "#!/bin/sh\nexec sleep 60\n",
}


class Pretended(Runner):
    """Its models are PROGRAMS, which every weakening leaves as they are."""
    def __init__(self, folder, names):
        self.seconds, self.iterations, self.noticed = 3, 3000, {}
        self.folder, self.models = folder, []
        for name in names:
            model = Model.__new__(Model)
            model.name, model.edges = name, ["edge"]
            self.models.append(model)
        self.includes = {name: {"engine/file.c"} for name in names}

    def build_with(self, site, text, models, folder):
        for model in models:
            path = Path(folder, model.name)
            path.write_text(PROGRAMS[model.name])
            path.chmod(0o755)
        return ""


def self_test():
    text = "at_load_acquire_u32(x)"
    site = Site("engine/file.c", 1, 1, text, 0, len("at_load_acquire_u32"), "load", "acquire", "u32", ["edge"])
    site.function = "f"

    def state_of(*names):
        return Pretended(None, names).weaken(site, "load_relaxed")[2:4]

    assert state_of("notices") == ("caught", "notices: two, run 7: a data race"), state_of("notices")
    assert state_of("crashes") == ("caught", "crashes: ended by signal 11"), state_of("crashes")
    assert state_of("passes") == ("survived", "passes"), state_of("passes")
    assert state_of("passes", "hangs") == (ENDLESS, "passes, hangs: all worlds, 3 s"), state_of("passes", "hangs")
    assert state_of("hangs", "notices")[0] == "caught", "another model may notice"
    assert state_of() == ("not modelled", ""), state_of()
    assert [kind_of(state, True) for state in ("caught", "survived", "not modelled", ENDLESS)] == \
           ["caught", "reason", "reason", "open"], "what did not end has no excuse"
    assert [kind_of(state, False) for state in ("caught", "survived", "not modelled", ENDLESS, "")] == \
           ["caught", "open", "open", "open", "open"]
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, default=HERE.parent.parent)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--edge", nargs="+", default=[])
    parser.add_argument("--file", nargs="+", default=[])
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--compile")
    parser.add_argument("--depfile", type=Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--quiet", action="store_true", help="only what survived")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    root = arguments.root.resolve()
    build = (arguments.build or root / "build" / "weaken").resolve()
    wanted = [site for site in sites(root)
              if (not arguments.edge or set(arguments.edge) & set(site.edges)) and
              (not arguments.file or any(site.path.endswith(name) for name in arguments.file))]
    if arguments.list:
        for site in wanted:
            print(f"{site.path}:{site.line} {site.function} {site.operation()}#{site.nth} [{' '.join(site.edges)}] -> "
                  f"{' '.join(weaker(site.kind, site.order))}")
        return 0
    if arguments.compile:
        return compile_one(Runner(root, build, arguments.iterations), arguments.compile, arguments.depfile)
    if arguments.keep:
        keep(root, build)
        return 0
    if arguments.page:
        arguments.page.write_text(page(root, build, arguments.iterations))
        return 0
    reasons, excused = survivors()
    runner = Runner(root, build, arguments.iterations)
    runner.prepare()
    results = Results(build)
    counts, wrong = {}, []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = [pool.submit(runner.weaken, site, name) for site in wanted for name in weaker(site.kind, site.order)]
        for job in jobs:
            site, new, state, said, seconds = job.result()
            key = (site.path, site.function, site.operation(), site.nth, new)
            if state in ("survived", "not modelled") and key in reasons:  # not what did not end
                state = "excused"
            elif state == "not modelled" and set(site.edges) <= set(excused):
                state = "excused"
            elif state == "caught" and key in reasons:
                state = "caught, but survivors.txt has a reason"
            if state not in ("caught", "excused"):
                wrong.append(key)
            results.add(site, new, state, said)
            counts[state] = counts.get(state, 0) + 1
            if not arguments.quiet or state != "caught":
                print(f"{site.path}:{site.line} {site.function} [{' '.join(site.edges)}] {site.operation()}#{site.nth} -> {new}: "
                      f"{state} ({said}; {seconds:.1f} s)", flush=True)
    print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
