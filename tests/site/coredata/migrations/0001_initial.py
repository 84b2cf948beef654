import coredata.fields
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('emplid', models.PositiveIntegerField(unique=True)),
                ('userid', models.CharField(max_length=32, null=True, unique=True)),
                ('last_name', models.CharField(max_length=32)),
                ('first_name', models.CharField(max_length=32)),
                ('config', coredata.fields.JsonTextField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='Semester',
            fields=[
                ('id', models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=4, unique=True)),
                ('start', models.DateField()),
                ('end', models.DateField()),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Unit',
            fields=[
                ('id', models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(max_length=4, unique=True)),
                ('name', models.CharField(max_length=60)),
                ('slug', models.SlugField(unique=True)),
                ('config', coredata.fields.JsonTextField(default=dict)),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='coredata.unit')),
            ],
        ),
        migrations.CreateModel(
            name='CourseOffering',
            fields=[
                ('id', models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(db_index=True, max_length=8)),
                ('number', models.CharField(db_index=True, max_length=4)),
                ('section', models.CharField(db_index=True, max_length=4)),
                ('title', models.CharField(max_length=30)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='coredata.unit')),
                ('semester', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='coredata.semester')),
            ],
            options={
                'unique_together': {('subject', 'number', 'section', 'semester')},
            },
        ),
    ]
