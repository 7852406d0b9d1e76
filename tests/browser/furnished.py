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
STEPS = "steps=1&set_preprocessing_lowercase=true&set_preprocessing_numbers=replace&set_preprocessing_segment=true"
LABELS = ("billing", "delivery", "technical")
RANGES = {"learning_rate": "0.002..0.2:log", "ngrams": "1..3", "dropout": "0..0.5"}
LETTERS = ("My parcel was left in the rain and the box is wet.", "I was charged twice for the same month.",
           "The app closes as soon as I open a photo.", "Hello, is anybody there?", "我的包裹三天没有更新了。")
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
        found |= _compared(road, found["admin-report"]) | _foreign(road, found["admin-artifact"], Path(folder))
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
    road.measured()
    return {"admin-training": runs[1], "admin-artifact": page.url,
            "admin-comparison": f"/admin/training/trainingrun/compare/?run={_id(runs[0])}&run={_id(runs[1])}"}


def _id(address: str) -> str:
    return re.search(r"[0-9a-f-]{36}", address)[0]  # type: ignore[index]


def _compared(road: Road, report: str) -> dict[str, str]:
    """More models of the same data, a search for settings, and word vectors of its texts."""
    page = road.page
    page.goto(report)
    road.compare("bag", "cnn")
    found, version = {"admin-leaderboard": page.url}, _id(report)
    road.search(version, model="bag", ranges=RANGES, trials=12)
    found["admin-search"] = page.url
    road.embed(version, settings={"dimensions": "50", "min_count": "2", "epochs": "40"})
    return {**found, "admin-vectors": page.url, "admin-vectors-new": "/admin/vectors/wordvectors/add/",
            "admin-preprocessing": f"/admin/training/trainingrun/add/?version={version}&{STEPS}",
            "admin-search-new": f"/admin/experiments/search/add/?version={version}"}


def _foreign(road: Road, artifact: str, folder: Path) -> dict[str, str]:
    """A file labelled by our model, and a pipeline of scikit-learn that answers from now on."""
    page, label = road.page, f"/admin/training/artifact/{_id(artifact)}/label/"
    page.goto(road.address + label)
    letters = folder / "letters.txt"
    letters.write_text("\n".join(LETTERS), encoding="utf-8")
    road.send(letters)
    page.get_by_test_id("start").click()
    page.locator("#labelled:not([hx-get]) [data-state=done]").wait_for(timeout=120_000)
    pipeline(folder / "words.onnx")
    road.go("training/artifact/adopt/")
    road.send(folder / "words.onnx", folder / "tickets.csv", fields={"labels": "\n".join(LABELS)})
    page.get_by_test_id("start").click()
    page.wait_for_url("**/jobs/job/**")
    page.locator("#job:not([hx-get])").wait_for(timeout=120_000)
    road.go("training/artifact/")
    page.get_by_role("link", name="words").click()
    return {"admin-label": label, "admin-adopted": page.url, "admin-adopt": "/admin/training/artifact/adopt/",
            "admin-import": "/admin/training/artifact/import/"}


def pipeline(path: Path) -> None:
    """A classifier of scikit-learn, of the words of our sample tickets, as skl2onnx writes it."""
    import csv

    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = list(csv.DictReader(sample_files("classification")[0][1].decode().splitlines()))
    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    model.fit([row["text"] for row in rows], [row["label"] for row in rows])
    found = convert_sklearn(model, initial_types=[("texts", StringTensorType([None, 1]))], target_opset=18,
                            options={TfidfVectorizer: {"locale": "C.UTF-8"}})
    path.write_bytes(found.SerializeToString())


def correct(visitor: Visitor, link: str) -> None:
    """Come by a link, ask, and say what the answer should have been."""
    visitor.enter(link)
    visitor.ask("My parcel was left in the rain and the box is wet.")
    visitor.answer()
    visitor.correct()


def _invited(road: Road) -> str:
    road.go("accounts/invitation/add/")
    road.page.fill("[name=note]", "Ada")
    road.page.locator("[name=note]").press("Enter")
    address: str = road.page.locator("#invitation-link").input_value()
    return address
