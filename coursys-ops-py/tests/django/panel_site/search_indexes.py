"""What is in the search index."""

from haystack import indexes

from .models import Offering


class OfferingIndex(indexes.SearchIndex, indexes.Indexable):
    """One document for each course."""

    text = indexes.CharField(document=True, model_attr="title")

    def get_model(self):
        return Offering
