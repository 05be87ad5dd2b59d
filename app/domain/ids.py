"""The forms of ids, and the name of a client that nobody knows."""

import re
from typing import Final

SESSION_ID: Final = re.compile(r"cs_[A-Za-z0-9_]{1,250}")
CHECKOUT_ID: Final = re.compile(r"chk_[0-9a-v]{36}")
EVENT_ID: Final = re.compile(r"evt_[A-Za-z0-9_]{1,250}")
UNKNOWN_BUCKET: Final = "unknown"  # peers without an address; together they count as one client
NOTIFICATION_ID: Final = re.compile(r"msg_[0-9a-v]{26}")
