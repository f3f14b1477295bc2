"""For any WSGI server: `escrow.wsgi:make_app()` builds the application from the environment.

`escrow serve` does the same with gunicorn and its timeouts set; prefer it.
"""

import os

from flask import Flask

from escrow.api.app import create_app
from escrow.api.logs import configure_logs
from escrow.api.storage_log import StorageLog
from escrow.api.watching import Watchers
from escrow.config import load_settings
from escrow.errors import SetupError
from escrow.store.opening import open_store


def make_app() -> Flask:
    """SetupError where a setting is wrong or the storage cannot be used."""
    configure_logs()
    settings = load_settings(os.environ)
    if settings.metrics_bind is not None:
        raise SetupError("metrics_not_by_this_server")
    watch = Watchers(StorageLog(settings.slow_storage_s))
    store = open_store(settings.store, watch=watch)
    store.check()
    return create_app(settings, store, watch=watch)
