"""Making the search index, for the task and for the set-up alike."""

from haystack import connections


def rebuild() -> int:
    """Empty the search index and fill it from the database; returns how many documents went in.

    Raises whatever the search server's client raises: haystack would log it and go on.
    """
    connection = connections["default"]
    backend = connection.get_backend()
    backend.silently_fail = False
    backend.clear()
    backend.setup()
    documents = 0
    for index in connection.get_unified_index().collect_indexes():
        rows = list(index.index_queryset())
        backend.update(index, rows)
        documents += len(rows)
    return documents
