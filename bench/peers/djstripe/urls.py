"""dj-stripe's routes, and its webhook view at the URL that the load generator uses."""

import importlib
from typing import Any, Final

from bench.peers.djstripe.shop import ENDPOINT

_http: Any = importlib.import_module("django.http")  # not installed when the checks run
_urls: Any = importlib.import_module("django.urls")
_views: Any = importlib.import_module("djstripe.views")

urlpatterns: Final = [
    _urls.path("", lambda _: _http.HttpResponse("up")),
    _urls.path("webhooks/stripe", _views.ProcessWebhookView.as_view(), {"uuid": ENDPOINT}),
    _urls.path("stripe/", _urls.include("djstripe.urls", namespace="djstripe")),
]
