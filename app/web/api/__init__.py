"""The endpoints, one file each: route, OpenAPI entry and answer."""
