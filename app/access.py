"""Creates the access check for endpoints that need a token, from the settings."""

from app.settings.settings import Settings
from app.web.http.bearer import Access, Tokens, WrongTokens


def make_access(settings: Settings) -> Access:
    """Return one check for the whole service, so that a client's guesses are counted together."""
    operators = [settings.admin_api_token] if settings.admin_api_token else []
    return Access(
        tokens=Tokens(
            shop=[token.get_secret_value() for token in settings.api_tokens],
            operator=[token.get_secret_value() for token in operators],
        ),
        wrong_tokens=WrongTokens(),
        trusted_proxies=settings.trusted_proxies,
    )
