"""A table with a bit-field, as the real site's course offerings have one."""

from bitfield import BitField
from django.db import models


class Offering(models.Model):
    """A course; the first flag says whether it is about writing."""

    title = models.CharField(max_length=60)
    flags = BitField(flags=("write", "quant"), default=0)
