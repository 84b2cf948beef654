"""The tables that checks look at, with the real site's names, and a few beside them."""

from django.db import models

from .fields import JsonTextField


class Semester(models.Model):
    """A term; `name` is the university's code, 1267 for the autumn of 2026."""

    name = models.CharField(max_length=4, unique=True)
    start = models.DateField()
    end = models.DateField()

    class Meta:
        ordering = ["name"]


class Unit(models.Model):
    """A department. The row `univ` stands for the whole university; its `config` holds the marker of Celery beat."""

    label = models.CharField(max_length=4, unique=True)
    name = models.CharField(max_length=60)
    parent = models.ForeignKey("Unit", null=True, on_delete=models.PROTECT)
    slug = models.SlugField(unique=True)
    config = JsonTextField(default=dict)


class Person(models.Model):
    """Somebody with a number of the university; a name may hold any character."""

    emplid = models.PositiveIntegerField(unique=True)
    userid = models.CharField(max_length=32, null=True, unique=True)
    last_name = models.CharField(max_length=32)
    first_name = models.CharField(max_length=32)
    config = JsonTextField(default=dict)


class CourseOffering(models.Model):
    """A course in one term: what the search index is made of."""

    subject = models.CharField(max_length=8, db_index=True)
    number = models.CharField(max_length=4, db_index=True)
    section = models.CharField(max_length=4, db_index=True)
    semester = models.ForeignKey(Semester, on_delete=models.PROTECT)
    owner = models.ForeignKey(Unit, on_delete=models.PROTECT)
    title = models.CharField(max_length=30)

    class Meta:
        unique_together = [("subject", "number", "section", "semester")]

    def __str__(self):
        return f"{self.subject} {self.number} {self.section}"
