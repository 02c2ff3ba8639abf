"""The command line. Each group of commands has a file of its own, which is imported when it is called:
`sealgate --help` has to answer at once.
"""

import importlib

import click

from proxy.supervisor.harden import forbid_core_dumps

# Command -> where it is, and its line in `sealgate --help`.
COMMANDS = {
    "serve": ("proxy.cli.serve:serve", "Run the proxy: the key service and the workers."),
    "dev": ("proxy.cli.dev:dev", "Run a store, the key service and the proxy here, to try them out."),
    "reload": ("proxy.cli.reload:reload", "Have the running service take up its changed configuration."),
    "config": ("proxy.cli.config:config", "Check a configuration, or ask what it says of an object."),
    "check": ("proxy.cli.check:check", "Try what a store can do, and say what to configure."),
    "inspect": ("proxy.cli.inspecting:inspect", "Show an object's envelope, as the store has it."),
    "open": ("proxy.cli.opening:open_command", "Open a sealed object without the proxy."),
    "sweep": ("proxy.cli.sweep:sweep", "Remove what is kept of uploads that are over."),
    "inventory": (
        "proxy.cli.inventory:inventory",
        "Count what is sealed under which key, and what is locked.",
    ),
    "keys": ("proxy.cli.keys.commands:keys", "Make, look at, rotate and end keys, and see what they cost."),
    "kms": ("proxy.cli.kms:kms", "Prepare AWS KMS for the proxy."),
    "identity": ("proxy.cli.identity:identity", "Make, list and disable identities: who may sign requests."),
    "hsm": ("proxy.cli.hsm:hsm", "Work on the store of the built-in key service."),
}


class _Lazy(click.Group):
    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(
    cls=_Lazy,
    epilog="Example: sealgate serve --config config.yaml",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sealgate", message="%(prog)s %(version)s")
def cli() -> None:
    """Transparent envelope encryption for any S3 store, with the keys in your hands."""


def main() -> None:
    """The installed command's entry. Exit codes: 0; 1 for what failed; 2 for what was written wrongly."""
    forbid_core_dumps()  # the configuration has secrets, and commands on the key service's store the root key
    cli(prog_name="sealgate")
