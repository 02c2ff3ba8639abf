"""The environment that a child gets: what an interpreter, the clock and TLS need, and nothing that anybody
happened to export. Secrets are not among it: they cross the start pipe.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

# OPENSSL_*: a FIPS provider is chosen there. PYTHONPATH is set below.
ALWAYS = re.compile(
    r"PATH|LANG|LC_[A-Z]+|TZ|TMPDIR|SSL_CERT_(FILE|DIR)|OPENSSL_(CONF|MODULES)|SYSTEMROOT"
    r"|PYTHON(DONTWRITEBYTECODE|PYCACHEPREFIX|WARNINGS|ASYNCIODEBUG|DEVMODE|FAULTHANDLER)"
)
# What botocore's credential chain looks at: its own variables, its files under HOME, and a proxy on the way.
AWS_CHAIN = re.compile(r"AWS_[A-Z0-9_]+|BOTO_CONFIG|HOME|(?i:https?_proxy|no_proxy)")

ROOT = Path(__file__).parents[2]


def clean(
    environ: Mapping[str, str], *, aws_chain: bool = False, named: Collection[str] = ()
) -> dict[str, str]:
    """With aws_chain, also what botocore needs to find credentials by itself; and what is named."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in named or ALWAYS.fullmatch(name) or (aws_chain and AWS_CHAIN.fullmatch(name))
    }
    # The child runs the same code as its parent, also where that is a checkout which nobody installed.
    return {**kept, "PYTHONPATH": str(ROOT)}
