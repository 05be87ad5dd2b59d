"""Entity tags (RFC 9110, 8.8.3), which tell whether the caller has the current version."""


def is_known(etag: str, if_none_match: str) -> bool:
    """Return whether a tag matches (RFC 9110, 13.1.2: a list of tags, compared weakly, or `*`)."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
