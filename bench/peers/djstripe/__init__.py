"""dj-stripe's own webhook endpoint. These modules run in a separate virtual environment."""
