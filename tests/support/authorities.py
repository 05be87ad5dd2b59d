"""Certificate authorities: none, because reading the machine's takes each client 25 ms of CPU.

No test talks to the internet. Those of TLS make their own authority, and trust it by name.
"""

import os
import ssl
from pathlib import Path
from typing import Final

# For clients of plain HTTP. httpx reads all authorities for each client without its own context.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def trust_nobody() -> None:
    """Let this process and those that it starts find one authority, whose key nobody has."""
    os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("nobody.pem"))
