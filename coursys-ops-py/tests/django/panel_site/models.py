"""A table with a bit-field, as the real site's course offerings have one."""

from django.db import models

from .settings import HAS_BIT_FIELDS

if HAS_BIT_FIELDS:
    from bitfield import BitField


class Offering(models.Model):
    """A course; the first flag says whether it is about writing."""

    title = models.CharField(max_length=60)
    if HAS_BIT_FIELDS:
        flags = BitField(flags=("write", "quant"), default=0)
