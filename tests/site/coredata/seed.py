"""The rows without which the site is not the site. Seeding twice changes nothing."""

from datetime import date

from .models import CourseOffering, Person, Semester, Unit

# (the code's last digit, first month, last month) of the three terms of a year
TERMS = ((1, 1, 4), (4, 5, 8), (7, 9, 12))
LAST_DAY = {4: 30, 8: 31, 12: 31}

PEOPLE = (
    (200000001, "ttkaar", "Kääriäinen", "Tiina"),
    (200000002, "yoshi", "𠮷田", "Hanako"),
    (200000003, "obrien", "O'Brien", "Zoë"),
)
COURSES = (
    ("CMPT", "120", "Intro to Computing Science"),
    ("CMPT", "225", "Data Structures"),
    ("MATH", "150", "Calculus I"),
)


def seed(today: date, photo_password: str = "") -> dict[str, int]:
    """Create what is missing, with the terms of this year and the next; returns the number of rows by table."""
    for year in (today.year, today.year + 1):
        for digit, first, last in TERMS:
            # The code counts years since 1900: 1267 is the autumn of 2026.
            Semester.objects.get_or_create(
                name=f"{year - 1900}{digit}",
                defaults={"start": date(year, first, 1), "end": date(year, last, LAST_DAY[last])},
            )
    univ, _ = Unit.objects.get_or_create(
        slug="univ",
        defaults={
            "label": "UNIV",
            "name": "The University",
            "config": {
                "informal_name": "Université",
                "tel": "778-555-0100",
                "photopass": photo_password,
            },
        },
    )
    units = {}
    for label, name in (("CMPT", "School of Computing Science"), ("MATH", "Department of Mathematics")):
        units[label], _ = Unit.objects.get_or_create(
            slug=label.lower(), defaults={"label": label, "name": name, "parent": univ}
        )
    for emplid, userid, last_name, first_name in PEOPLE:
        Person.objects.get_or_create(
            emplid=emplid, defaults={"userid": userid, "last_name": last_name, "first_name": first_name}
        )
    semester = Semester.objects.filter(start__lte=today).latest("start")
    for subject, number, title in COURSES:
        CourseOffering.objects.get_or_create(
            subject=subject,
            number=number,
            section="D100",
            semester=semester,
            defaults={"owner": units[subject], "title": title},
        )
    return {model._meta.db_table: model.objects.count() for model in (Semester, Unit, Person, CourseOffering)}
