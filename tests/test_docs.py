"""The words keep step with the code: what a page lists is what is there, and nothing is left out.

Other pages have their tests beside what they describe: docs/metrics.md in test_metrics, docs/FORMAT.md in
seal/test_format_page, config.example.yaml in config/test_example.
"""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import botocore.session
import click
import pytest

from proxy.cli.main import cli
from proxy.hsm.engine_usage import OWN_ACTIONS
from proxy.s3.operation_rows import ROWS
from proxy.s3.treatments import Treatment
from proxy.upstream.capabilities import PRESETS, Capabilities
from tests import test_architecture as rules
from tests.hsm.rig import running

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
MARKED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
OURS = re.compile(r"(proxy|tests|recovery|benchmarks|docs)/[\w./-]*")
"""What stands in code marks and begins like a file of the repository."""


def test_each_decision_has_a_number_of_its_own() -> None:
    """And says it: other pages name decisions by it."""
    pages = sorted((DOCS / "decisions").iterdir())
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert [page for page in pages if not page.read_text().startswith(f"# {page.name[:4]} ")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_and_paths_of_a_page_lead_somewhere(page: Path) -> None:
    """A file that is renamed takes the pages that name it along."""
    text = page.read_text()
    links = [page.parent / target for target in LINK.findall(text) if "://" not in target]
    paths = [ROOT / name for name in MARKED.findall(text) if OURS.fullmatch(name)]

    assert [str(path) for path in (*links, *paths) if not path.exists()] == []


def test_every_room_stands_on_the_map() -> None:
    """Whoever adds a room says on the page what it decides."""
    rooms = {f"proxy/{file.parent.name}/" for file in (ROOT / "proxy").glob("*/__init__.py")}
    modules = {f"proxy/{file.name}" for file in (ROOT / "proxy").glob("*.py")} - {"proxy/__init__.py"}

    assert (rooms | modules) - set(_names("architecture", "The map")) == set()


def test_the_page_has_the_arrows_of_the_architecture_test() -> None:
    """Two tables of one thing must be the same table."""
    told: dict[str, set[str]] = {}
    for rooms, arrows in _cells("architecture", "Who may import whom"):
        may = set() if "nothing of ours" in arrows else {_module(name) for name in MARKED.findall(arrows)}
        told |= {_module(name): may for name in MARKED.findall(rooms)}

    assert {room: told.pop(room, None) for room in rules.ARROWS} == rules.ARROWS
    assert told.keys() - rules.PURE.keys() == set()
    pure = {room for room in rules.PURE if (ROOT / _path(room)).exists()}
    assert pure - told.keys() - rules.ARROWS.keys() == set()


def test_the_page_says_which_rooms_few_may_enter() -> None:
    """`ONLY` of the architecture test, in one sentence for each room."""
    sentence = re.search(r"^Entered by few: (.*)$", _page("architecture"), re.MULTILINE)
    assert sentence is not None
    told: dict[str, set[str]] = {}
    for part in sentence[1].split(";"):
        rooms, _, who = part.partition(" by ")
        told |= {
            _module(room): {_module(name) for name in MARKED.findall(who)} for room in MARKED.findall(rooms)
        }

    assert told == {room: who - {room} for room, who in rules.ONLY.items()}


@pytest.mark.parametrize(("section", "refused"), [("Served", False), ("Not yet", True)])
def test_each_s3_operation_stands_where_it_belongs(section: str, *, refused: bool) -> None:
    """Whoever meets NotImplemented finds the operation among those that are not there yet, and no other."""
    wanted = [row.name for row in ROWS if (row.treatment is Treatment.REFUSE) is refused]
    column = int(refused)
    listed = [name for row in _cells("s3-api", section) for name in MARKED.findall(row[column])]

    assert sorted(listed) == sorted(wanted)


def test_the_page_says_which_actions_each_operation_needs() -> None:
    """Whoever writes a policy looks them up there."""
    served = [row for row in ROWS if row.treatment not in {Treatment.REFUSE, Treatment.PREFLIGHT}]
    told = {
        name: MARKED.findall(actions)
        for names, actions in _cells("s3-api", "Who may")
        for name in MARKED.findall(names)
    }

    assert told == {row.name: [action for action, _ in row.actions] for row in served}


def test_the_kms_page_has_every_operation_and_says_which_are_there(tmp_path: Path) -> None:
    session = botocore.session.get_session()  # type: ignore[no-untyped-call]  # botocore has no types
    model = session.get_service_model("kms").operation_names
    states = {name.strip("`"): state for name, state, _ in _cells("kms-api", "The KMS surface")}
    with running(tmp_path) as rig:
        provided = set(rig.engine.actions)

    assert sorted(states) == sorted(model)
    assert {name for name, state in states.items() if state == "implemented"} == provided
    assert set(states.values()) == {"implemented", "coming"}
    assert {name.strip("`") for name, *_ in _cells("kms-api", "Our own operations")} == OWN_ACTIONS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_tells_a_person_to_type_is_there(page: Path) -> None:
    """Targets of make, commands of sealgate and their options."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    typed = list(_typed(page.read_text()))
    made = [target for line in typed for target in re.findall(r"^make ([a-z-]+)", line)]
    called = [words for line in typed for words in re.findall(r"^sealgate ([^|&>#]+)", line)]

    assert [target for target in made if target not in targets] == []
    assert [words for words in called if not _is_command(words.split())] == []


def test_the_page_has_every_capability_and_the_presets_that_claim_it() -> None:
    """Whoever chooses a preset reads there what it relies on."""
    names = [field.name for field in fields(Capabilities)]
    told = {
        capability.strip("`"): set(PRESETS) if who == "all" else set(MARKED.findall(who))
        for capability, _, who in _cells("operations", "Stores")
    }

    assert told == {
        name: {preset for preset, store in PRESETS.items() if getattr(store, name)} for name in names
    }


def _page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def _cells(page: str, section: str) -> list[list[str]]:
    """The rows of the section's tables, without their heads."""
    text = re.split(rf"^#+ {re.escape(section)}$", _page(page), flags=re.MULTILINE)[1]
    lines = re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows, f"{page}: {section} has no table"
    return rows[2:]


def _names(page: str, section: str) -> list[str]:
    return [name for row in _cells(page, section) for name in MARKED.findall(row[0])]


def _module(path: str) -> str:
    return path.strip("/").removesuffix(".py").replace("/", ".")


def _path(module: str) -> str:
    place = module.replace(".", "/")
    return place if (ROOT / place).is_dir() else f"{place}.py"


def _typed(text: str) -> Iterator[str]:
    """Code marks, and lines of blocks; where a line has several commands, each of them."""
    yield from MARKED.findall(BLOCK.sub("", text))
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            yield from (command.strip() for command in line.removeprefix("$ ").split("&&"))


def _is_command(words: list[str]) -> bool:
    """Groups lead to a command; its options are its own; what else follows is its arguments."""
    command: click.Command = cli
    for word in words:
        if word.startswith("--"):
            if word not in {"--help", *(name for each in command.params for name in each.opts)}:
                return False
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return False
            command = found
    return not isinstance(command, click.Group)
