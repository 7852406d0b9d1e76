"""A site with something on every page: datasets good and bad, trainings done and running, an assistant, a link."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser

from modeling.datasets import sample_files
from tests.browser.road import Road
from tests.browser.visit import Site, Visitor

RAGGED = "label,text\nbilling,The invoice is wrong\nbilling\ntechnical,It does not start,twice\ntechnical,\n"
QUICK = {"epochs": "12", "batch_tokens": "512"}
ENDLESS = {"epochs": "4000", "patience": "0", "batch_tokens": "256"}


def furnish(browser: Browser, site: Site) -> Mapping[str, str]:
    """Fill the site through its pages. Name of a page -> its address."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    road = Road(context.new_page(), site.address)
    road.sign_in("admin", (site.home / "admin.password").read_text().strip())
    page = road.page
    with tempfile.TemporaryDirectory() as folder:
        found = {f"admin-{name}": f"{site.address}/admin/{path}" for name, path in LISTS.items()}
        found |= _data(road, Path(folder)) | _trained(road)
        page.goto(found["admin-training"])
        road.publish(name="Where does it belong?")
        found["admin-assistant"] = page.url
        found["admin-link-new"] = page.get_by_test_id("share").get_attribute("href") or ""
        found["link"] = road.share()
        found["admin-link"] = page.url
        guest = browser.new_context(locale="en-GB")
        correct(Visitor(guest.new_page(), site.address), found["link"])
        guest.close()
        found["join"] = _invited(road)
        page.goto(found["admin-report"])
        road.train(settings=ENDLESS)
        found["admin-training-running"] = page.url
        page.locator("#run-curves svg").first.wait_for(timeout=180_000)
    context.close()
    return {name: address if address.startswith("http") else site.address + address for name, address in found.items()}


LISTS = {
    "index": "", "datasets": "datasets/dataset/", "dataset-new": "datasets/dataset/add/",
    "trainings": "training/trainingrun/", "training-form": "training/trainingrun/add/",
    "artifacts": "training/artifact/", "artifact-upload": "training/artifact/add/", "queue": "jobs/job/",
    "assistants": "assistants/assistant/", "publish": "assistants/assistant/add/", "links": "sharing/sharelink/",
    "review": "chat/feedback/", "conversations": "chat/conversation/", "users": "accounts/user/",
    "user-new": "accounts/user/add/", "invitations": "accounts/invitation/", "invite": "accounts/invitation/add/",
}  # fmt: skip


def _data(road: Road, folder: Path) -> dict[str, str]:
    (folder / "letters.csv").write_text(RAGGED + "billing,I paid twice\n" * 8, encoding="utf-8")
    road.upload([folder / "letters.csv"])
    found = {"admin-report-problems": road.page.url}
    name, content = sample_files("classification")[0]
    (folder / name).write_bytes(content)
    road.upload([folder / name], name="Tickets")
    return found | {"admin-report": road.page.url}


def _trained(road: Road) -> dict[str, str]:
    """Two trainings of the same data, the second with more of everything."""
    page, report, runs = road.page, road.page.url, []
    for settings in (QUICK, {**QUICK, "epochs": "40", "embedding": "64"}):
        page.goto(report)
        road.train(settings=settings)
        road.trained()
        runs.append(page.url)
    page.get_by_test_id("artifact").click()
    for _look in range(60):  # its report is measured by a job of its own
        if page.get_by_text("What it takes for what").count():
            break
        page.wait_for_timeout(3000)
        page.reload()
    ids = [re.search(r"[0-9a-f-]{36}", run)[0] for run in runs]  # type: ignore[index]
    return {"admin-training": runs[1], "admin-artifact": page.url,
            "admin-comparison": f"/admin/training/trainingrun/compare/?run={ids[0]}&run={ids[1]}"}  # fmt: skip


def correct(visitor: Visitor, link: str) -> None:
    """Come by a link, ask, and say what the answer should have been."""
    visitor.page.goto(link)
    visitor.connected()
    visitor.ask("My parcel was left in the rain and the box is wet.")
    visitor.answer()
    visitor.page.get_by_test_id("thumb-down").click()
    visitor.page.get_by_test_id("correction").select_option(index=1)
    visitor.page.get_by_test_id("tell").click()
    visitor.page.get_by_test_id("thanks").filter(has_text="correction").wait_for()


def _invited(road: Road) -> str:
    road.go("accounts/invitation/add/")
    road.page.fill("[name=note]", "Ada")
    road.page.locator("[name=note]").press("Enter")
    address: str = road.page.locator("#invitation-link").input_value()
    return address
