"""What every container is denied: capabilities, memory, processes, other images."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = ROOT / "docker-compose.yml"
SCALE: Final = ROOT / "tests" / "container" / "scale.compose.yml"
Document = dict[str, Any]

# The rights that a program cannot start without, and no others. Docker would give 14 to each.
GIVEN_BACK: Final[Mapping[str, list[str]]] = {
    "postgres": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
    "balancer": ["NET_BIND_SERVICE"],
}
PINNED: Final = re.compile(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}")


def services(path: Path) -> dict[str, Document]:
    """The services of a compose file, each with what it takes from another file."""
    found: dict[str, Document] = {}
    for name, service in YAML(typ="safe").load(path.read_text())["services"].items():
        base = service.pop("extends", None)
        found[name] = (
            {**services(ROOT / base["file"])[base["service"]], **service} if base else service
        )
    return found


EVERY: Final = [
    pytest.param(service, name, id=f"{path.name}-{name}")
    for path in (COMPOSE, SCALE)
    for name, service in services(path).items()
]


@pytest.mark.parametrize(("service", "name"), EVERY)
def test_a_container_has_no_rights_but_the_few_that_it_needs(service: Document, name: str) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == GIVEN_BACK.get(name, [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@pytest.mark.parametrize(("service", "name"), EVERY)
def test_a_container_has_a_share_of_memory_and_of_processes(service: Document, name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 256
    if name in {"checkout", "replica"}:
        # As docs/deployment.md and SECURITY.md say.
        assert service["mem_limit"] == "512m"


@pytest.mark.parametrize(("service", "name"), EVERY)
def test_a_container_can_write_nothing_but_its_mounts(service: Document, name: str) -> None:
    # PostgreSQL's entry point writes to several places of its own before it gives root away.
    assert service.get("read_only", False) is (name != "postgres")


@pytest.mark.parametrize(("service", "name"), EVERY)
def test_a_container_does_not_run_as_root_where_it_need_not(service: Document, name: str) -> None:
    is_somebody = int(service.get("user", "0").split(":")[0]) > 0

    assert is_somebody is (name not in GIVEN_BACK)


def images() -> Iterator[tuple[str, str]]:
    """Every image that a file names: for a service, or to build upon."""
    for path in (COMPOSE, SCALE):
        for name, service in services(path).items():
            if "build" not in service:
                yield f"{path.name}-{name}", service["image"]
    for path in (ROOT / "Dockerfile", SCALE):
        for number, base in enumerate(
            re.findall(r"^\s*FROM (\S+)", path.read_text(), re.MULTILINE)
        ):
            yield f"{path.name}-{number}", base


@pytest.mark.parametrize("image", [pytest.param(image, id=name) for name, image in images()])
def test_an_image_is_named_by_what_it_is(image: str) -> None:
    assert PINNED.fullmatch(image)


def test_one_name_is_one_image_everywhere() -> None:
    found = {image.split("@")[0]: image for _, image in images()}

    assert sorted(found.values()) == sorted({image for _, image in images()})
