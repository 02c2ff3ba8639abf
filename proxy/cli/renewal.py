"""The configuration of a running service: read anew when the supervisor asks, compared, and dealt out by
role.

The environment stays what it was at the start; files are read again, also those that secrets come from. What
needs a restart is refused by name. All of it happens in the supervisor's process, which holds the whole
configuration already.
"""

import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from proxy.cli.plan import renewals_of, uses_aws_chain
from proxy.config.check import warnings
from proxy.config.errors import ConfigError
from proxy.config.load import parse
from proxy.config.reload import files_of, refusals
from proxy.config.schema import Config
from proxy.supervisor.reload import Loaded, ReloadRefused
from proxy.supervisor.reloads import Reloading

log = logging.getLogger(__name__)

Stamp = tuple[int, int, int]


class Renewed:
    """The configuration that a service runs with."""

    def __init__(self, config: Config, path: Path, environ: Mapping[str, str]) -> None:
        self._config = config
        self._path = path
        self._environ = dict(environ)
        self._seen: dict[Path, Stamp] = {}
        # Read once more, for the names of the files in it alone.
        with suppress(ReloadRefused):
            self._read()

    def reloading(self, control: socket.socket | None) -> Reloading:
        return Reloading(load=self.load, changed=self.changed, control=control)

    def load(self) -> Loaded:
        """Read and compare. Raises ReloadRefused, with a line for each fault."""
        new = self._read()
        faults = [str(problem) for problem in refusals(self._config, new)]
        if uses_aws_chain(new) != uses_aws_chain(self._config):
            faults.append(
                "kms.backends: AWS's credential chain comes in or goes: restart the service for that"
            )
        if faults:
            raise ReloadRefused(faults)
        for problem in warnings(new):
            log.warning("%s", problem)
        return Loaded(renewals=renewals_of(new), accept=lambda: self._accept(new))

    def changed(self) -> bool:
        """Whether a file is another than when it was last read, where the configuration wants that
        watched.
        """
        return self._config.reload.watch and any(_stamp(file) != seen for file, seen in self._seen.items())

    def _read(self) -> Config:
        # A stamp is taken before its file is read: what changes meanwhile is another the next time.
        seen = {file: _stamp(file) for file in (*self._seen, self._path)}

        def read(file: Path) -> str:
            seen[file] = _stamp(file)
            return file.read_text("utf-8")

        try:
            new = parse(read(self._path), self._environ, read, directory=self._path.absolute().parent)
        except ConfigError as exc:
            raise ReloadRefused([str(problem) for problem in exc.problems]) from None
        except (OSError, UnicodeDecodeError) as exc:
            raise ReloadRefused([f"{self._path}: cannot be read: {exc}"]) from None
        finally:
            self._seen = seen
        seen |= {file: _stamp(file) for file in map(Path, files_of(new))}
        return new

    def _accept(self, new: Config) -> None:
        self._config = new


def _stamp(file: Path) -> Stamp:
    """What another content changes: a file written anew, replaced, or reached by another link."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
