"""Shell sessions in a page: ```console blocks. In them `$ ` begins a command, `> ` goes on with it, and the
rest is what it prints. In that, `...` stands for any text, and how much white space there is does not matter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    line: int
    """Of the page, from 1."""
    command: str
    shown: str

    def fits(self, printed: str) -> bool:
        pieces = [re.escape(" ".join(piece.split())) for piece in self.shown.split("...")]
        return bool(re.fullmatch(r"\s*.*\s*".join(pieces), " ".join(printed.split()), re.DOTALL))


def steps(page: Path) -> Iterator[Step]:
    text = page.read_text()
    for block in BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1)) + 1
        yield from _steps(block[1].splitlines(), first)


def _steps(lines: list[str], first: int) -> Iterator[Step]:
    command: list[str] = []
    shown: list[str] = []
    begun = 0
    for number, line in enumerate([*lines, "$ "], first):
        if line.startswith("$ "):
            if command:
                yield Step(line=begun, command="\n".join(command), shown="\n".join(shown))
            command, shown, begun = [line[2:]], [], number
        elif line.startswith(">") and not shown:
            command.append(line[2:])
        else:
            shown.append(line)
