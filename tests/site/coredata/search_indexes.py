"""What haystack puts into the search index."""

from haystack import indexes

from .models import CourseOffering


class CourseOfferingIndex(indexes.SearchIndex, indexes.Indexable):
    """One document for each course offering."""

    text = indexes.CharField(document=True)
    title = indexes.CharField(model_attr="title")

    def get_model(self):
        return CourseOffering

    def prepare_text(self, offering):
        return f"{offering} {offering.title} {offering.owner.name}"

    def index_queryset(self, using=None):
        return CourseOffering.objects.select_related("owner")
