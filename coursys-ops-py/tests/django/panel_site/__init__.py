"""A site for the tests of the Django app: what the real one has, without its servers."""
