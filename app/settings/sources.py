"""Where settings come from: the environment, `.env`, and files in a folder of secrets."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)


class _SecretFiles(SecretsSettingsSource):
    """Reads files in /run/secrets. An empty file counts as unset, like an empty variable."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return a file's text."""
        value, key, is_complex = super().get_field_value(field, field_name)
        return value or None, key, is_complex


class SourcedSettings(BaseSettings):
    """Settings that are read from each of the sources."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment first, then `.env`, then the secret files."""
        assert isinstance(file_secret_settings, SecretsSettingsSource)  # noqa: S101 their default
        files = _SecretFiles(settings_cls, secrets_dir=file_secret_settings.secrets_dir)
        return init_settings, env_settings, dotenv_settings, files


Kind = TypeVar("Kind", bound=SourcedSettings)


def read_sources(kind: type[Kind], secrets_dir: Path) -> Kind:
    """Read settings of one kind; the folder of secrets may not exist.

    Raises:
        ValidationError: some are wrong or missing.
        OSError, UnicodeDecodeError, pydantic_settings.SettingsError: a source cannot be read.
    """
    sources: dict[str, Any] = {"_secrets_dir": secrets_dir} if secrets_dir.is_dir() else {}
    return kind(**sources)
