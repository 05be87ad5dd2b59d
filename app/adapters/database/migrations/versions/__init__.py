"""One file for each revision, in order; a released one is never changed."""
