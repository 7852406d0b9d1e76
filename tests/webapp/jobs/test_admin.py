"""The queue in the admin."""

from __future__ import annotations

import pytest
from django.urls import reverse

from webapp.jobs.models import Job, JobState
from webapp.jobs.services import enqueue

pytestmark = pytest.mark.django_db
QUEUE = "admin:jobs_job_changelist"


def test_an_admin_cancels_a_job(admin_client):
    job = enqueue(kind="retention")
    admin_client.post(reverse(QUEUE), {"action": "cancel_jobs", "_selected_action": [job.pk]})
    assert Job.objects.get().state == JobState.CANCELLED


def test_the_record_is_shown_and_cannot_be_rewritten(admin_client):
    job = enqueue(kind="retention")
    page = reverse("admin:jobs_job_change", args=[job.pk])
    assert "retention" in admin_client.get(page).text
    assert admin_client.post(page, {"kind": "another"}).status_code == 403
    assert admin_client.get(reverse("admin:jobs_job_add")).status_code == 403


def test_the_queue_is_for_staff(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("visitor"))
    assert client.get(reverse(QUEUE)).status_code in (302, 403)
