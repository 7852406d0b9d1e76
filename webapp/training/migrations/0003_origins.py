"""What was imported or brought as ONNX says so; it was called uploaded before."""

from django.db import migrations, models


def name_origins(apps, schema_editor):
    """By the jobs that made them: an import has the id of its artifact, a graph that was brought is its upload."""
    jobs, artifacts = apps.get_model("jobs", "Job").objects, apps.get_model("training", "Artifact").objects
    for kind, find in (("import", lambda given: given.get("artifact")),
                       ("adoption", lambda given: given.get("files", {}).get("graph"))):
        made = [find(given) for given in jobs.filter(kind=kind).values_list("arguments", flat=True)]
        artifacts.filter(pk__in=[one for one in made if one], origin="upload").update(origin=kind)


class Migration(migrations.Migration):

    dependencies = [("training", "0002_run_base"), ("jobs", "0003_heard")]

    operations = [
        migrations.AlterField(
            model_name="artifact", name="origin",
            field=models.CharField(max_length=10, verbose_name="origin", choices=[
                ("training", "trained here"), ("upload", "uploaded"), ("import", "imported from Hugging Face"),
                ("adoption", "brought as ONNX"), ("starter", "came with Parley")]),
        ),
        migrations.RunPython(name_origins, migrations.RunPython.noop),
    ]
