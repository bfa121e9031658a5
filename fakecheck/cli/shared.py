"""Options that several commands have."""

from __future__ import annotations

import click

FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
TRUSTED_ONLY = click.option(
    "--trusted-only",
    is_flag=True,
    help="Use only detectors that the index vouches for, and import no plug-in's code; "
    "FAKECHECK_TRUSTED_ONLY=1 does the same.",
)
