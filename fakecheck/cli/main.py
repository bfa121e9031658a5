"""The `fakecheck` command: its commands, and errors mapped to exit codes once."""

from __future__ import annotations

import errno
import os
import signal
import sys
import warnings
from collections.abc import Sequence

import click

import fakecheck
from fakecheck.cli.stdout import forgive
from fakecheck.errors import ExitCode, FakecheckError

EXIT_CODES = """\b
Exit codes:
  0    done
  1    some other failure
  2    the command line is wrong
  3    an input file could not be read; all others were looked at
  4    a package or device that was asked for is missing
  5    no detector is left to run
  6    an output file could not be written
  10   a fake was found (only with --fail-on-fake; goes before 3 and 6)
  130  interrupted
"""

# Imported when used: each costs time that the others need not wait for.
COMMANDS = {
    "detect": "fakecheck.cli.scan:detect",
    "video": "fakecheck.cli.scan:video",
    "detectors": "fakecheck.cli.detectors:detectors",
    "registry": "fakecheck.cli.registry:registry_",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is run or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(__import__(module, fromlist=[name]), name)
        return command


@click.group(
    cls=LazyGroup,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(fakecheck.__version__, "-V", "--version", prog_name="fakecheck")
def cli() -> None:
    """Find the artifacts that face forgeries leave in pictures and videos.

    Every box is named, every finding is attributed to a family of generators, and the verdict is
    real, fake or inconclusive with a probability. A verdict is evidence, not proof: read what the
    detectors miss with `fakecheck detectors show ID`.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a code of `ExitCode`."""
    # pydantic imports what any installed package names as a plug-in of pydantic, when the first
    # record is declared, which is in a command's module: code of packages that nobody trusts. Here,
    # since a program that imports fakecheck may want its own.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for name in ("SIGTERM", "SIGHUP"):  # as Ctrl-C: what was found is kept, and nothing half done
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    # What Pillow finds odd in a file is nothing that its reader could act on.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    sys.exit(run(args))


def run(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    forgive()
    try:
        result = cli.main(args=args, prog_name="fakecheck", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does: nobody is left to tell.
        _give_up_stdout()
        return int(ExitCode.OTHER)
    except FakecheckError as error:
        # Not at the top: most runs have no use for it.
        from fakecheck.report.record import visible

        click.echo(f"Error: {visible(str(error))}", err=True)
        return int(error.exit_code)
    except OSError as error:
        if error.filename is not None:
            raise
        if error.errno == errno.EINVAL and os.name == "nt":  # what a broken pipe is there
            _give_up_stdout()
            return int(ExitCode.OTHER)
        click.echo(f"Error: standard output: cannot be written: {error.strerror}", err=True)
        _give_up_stdout()
        return int(ExitCode.OUTPUT_FILE)
    return int(result) if isinstance(result, int) else int(ExitCode.OK)


def _give_up_stdout() -> None:
    """What is left in its buffer would fail again on the way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
