"""The application, for `uvicorn app.main:app`. Importing this reads settings and migrates."""

import sys

from app.adapters.database.migrate import MigrationError
from app.bootstrap import create_app, prepare
from app.domain.printable import printable_lines
from app.serving import guard_uvicorn
from app.settings.settings import SettingsError, load_settings
from app.web.http.connections import Connections

try:
    settings = load_settings()
    prepare(settings)
    connections = Connections(trusted_proxies=settings.trusted_proxies)
    guard_uvicorn(connections)
    app = create_app(settings, connections)
except SettingsError as error:
    print(printable_lines(str(error)), file=sys.stderr)  # noqa: T201 for people, before there is a log
    sys.exit(2)
except MigrationError as error:
    message = printable_lines(f"altan-checkout cannot start: {error}")
    print(message, file=sys.stderr)  # noqa: T201 for people
    sys.exit(1)
