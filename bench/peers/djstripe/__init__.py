"""dj-stripe's own webhook endpoint. These modules run in a virtual environment of their own."""
