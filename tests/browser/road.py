"""The road from an upload to a shared demo, walked in a browser through the pages that a person uses."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.browser.visit import Visitor

MINUTE = 60_000  # milliseconds
TURNED = "ViewTransition opt-in disabled"  # Chromium, of a page whose style comes late: it is shown all the same


class Road:
    """What a trainer does in the admin, page by page. Each step ends when the page shows that it is done."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        page.on("pageerror", lambda error: TURNED in str(error) or self.faults.append(error.stack or str(error)))
        page.on("response", lambda answer: self.faults.append(answer.url) if answer.status >= 500 else None)

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.address}/sign-in/?next=/admin/")
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url("**/admin/")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}/admin/{path}")

    def upload(self, files: Sequence[Path], *, name: str = "", task: str = "", minutes: float = 5) -> float:
        """Files to a dataset; ends on the report of its first version, once that is whole. When all had arrived."""
        self.go("datasets/dataset/add/")
        self.page.set_input_files("#pick", [str(file) for file in files])
        self.page.locator("#uploads input[name=uploads]").nth(len(files) - 1).wait_for(
            state="attached", timeout=minutes * MINUTE)
        arrived = time.monotonic()
        self.page.fill("[name=name]", name)
        self.page.select_option("[name=task]", task)
        self.page.click("#read")
        self.reported(minutes)
        return arrived

    def reported(self, minutes: float = 5) -> None:
        """Wait for the report that the page shows as it grows."""
        self.page.wait_for_selector("#report:not([hx-trigger])", timeout=minutes * MINUTE)

    def train(self, *, settings: Mapping[str, str] | None = None, model: str = "", parent: str = "") -> None:
        """From a report to the page of the training, by the report's button. What the form suggests stays, but for
        the `model`, the `parent` that it continues from (as the form calls it) and the settings that are given."""
        self.page.click("#report a.primary")
        self.page.wait_for_selector("#train")
        if model and not (radio := self.page.locator(f"[name=model][value={model}]")).is_checked():
            self._choose(radio.check)
        if parent and (start := self.page.locator("[name=parent]")).locator("option:checked").inner_text() != parent:
            self._choose(lambda: start.select_option(label=parent))
        if settings:
            self.page.locator("#train details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        for field, value in (settings or {}).items():
            self._set(self.page.locator(f"[name=set_{field}]"), value)
        self.page.click("form button.primary")
        self.page.wait_for_url(re.compile(r"/trainingrun/[0-9a-f-]{36}/"))

    def _choose(self, choice: Callable[[], object]) -> None:
        """Something that the rest of the form follows; ends when the form has followed."""
        self.page.evaluate("document.getElementById('train').dataset.old = 'yes'")
        choice()
        self.page.wait_for_selector("#train:not([data-old])")

    def trained(self, minutes: float = 10) -> None:
        """Wait on a training's page until its artifact is there."""
        ended = self.page.locator("#run-state:is([data-state=done], [data-state=failed], [data-state=cancelled])")
        ended.wait_for(timeout=minutes * MINUTE)
        assert ended.get_attribute("data-state") == "done", ended.inner_text()

    def compare(self, *models: str, minutes: float = 10) -> None:
        """From a report to its leaderboard, with these models trained and measured too."""
        self.page.click("#report .p-actions a[href*=leaderboard]")
        for model in models:
            self.page.check(f"[name=model][value={model}]")
        self.page.click("form button.primary:not([data-testid])")
        self._settled("#leaderboard", minutes)

    def search(self, version: str, *, model: str, ranges: Mapping[str, str], trials: int, minutes: float = 10) -> None:
        """A search for settings; ends when its page shows all trials."""
        self.go(f"experiments/search/add/?version={version}&model={model}")
        for field, text in {**ranges, "trials": str(trials)}.items():
            self._set(self.page.locator(f"[name$={field}]"), text)
        self.page.click("#search button.primary")
        self.page.wait_for_url(re.compile(r"/search/[0-9a-f-]{36}/"))
        self._settled("#search", minutes)

    def embed(self, version: str, *, settings: Mapping[str, str], minutes: float = 5) -> None:
        """Word vectors of a dataset; ends on their page, with the map."""
        self.go("vectors/wordvectors/add/")
        self.page.select_option("[name=version]", version)
        for field, text in settings.items():
            self._set(self.page.locator(f"[name$={field}]"), text)
        self.page.get_by_test_id("start").click()
        self.page.locator("#explore").wait_for(timeout=minutes * MINUTE)

    def send(self, *files: Path, fields: Mapping[str, str] | None = None) -> None:
        """Drop files into the form of the page, fill in its fields, and send it once all files are here."""
        self.page.set_input_files("#pick", [str(file) for file in files])
        self.page.locator("#uploads input[name=uploads]").nth(len(files) - 1).wait_for(state="attached")
        for name, text in (fields or {}).items():
            self.page.fill(f"[name={name}]", text)

    def _settled(self, part: str, minutes: float) -> None:
        """Wait for a part of the page that asks for itself again until it is whole."""
        self.page.locator(f"{part}:not([hx-get])").wait_for(timeout=minutes * MINUTE)

    def curves_move(self) -> None:
        """Watch a training until its curves have moved; they are whole again after a reload."""
        curve = self.page.locator("#run-curves svg").first
        curve.wait_for(timeout=3 * MINUTE)
        seen = curve.inner_html()
        self.page.wait_for_function("seen => document.querySelector('#run-curves svg').innerHTML !== seen", arg=seen)
        self.page.reload()
        assert self.page.locator("#run-curves svg").count()

    def artifact(self) -> None:
        """From a finished training to the page of its artifact."""
        self.page.get_by_test_id("artifact").click()
        self.page.wait_for_url("**/training/artifact/**")

    def proof(self) -> dict[str, float]:
        """On the page of an artifact: the figures that compare its graph with the trained model."""
        shown = self.page.locator("section", has=self.page.get_by_role("heading", name="Proof"))
        names, values = (shown.locator(part).all_inner_texts() for part in ("dt", "dd"))
        return {name: float(value.replace(",", "")) for name, value in zip(names, values, strict=True)}

    def measured(self) -> None:
        """From a finished training to the page of its classifier, once that is measured on the test rows."""
        self.artifact()
        for _look in range(180):  # by a job of its own
            if self.page.get_by_text("What it takes for what").count():
                return
            self.page.wait_for_timeout(1000)
            self.page.reload()
        raise AssertionError("the artifact was not measured")

    def publish(self, *, name: str = "") -> None:
        """From a finished training to the page of its assistant."""
        self.page.click("[data-testid=publish]")
        self.save_assistant(name)

    def publish_starter(self, artifact: str, *, name: str) -> None:
        """A starter's artifact under another name."""
        self.go("assistants/assistant/add/")
        self.page.get_by_test_id("artifact").filter(has_text=artifact).get_by_role("link", name="Publish").click()
        self.save_assistant(name)

    def add_document(self, folder: Path, text: str) -> None:
        """On the page of an assistant that answers from documents."""
        (folder / "document.txt").write_text(text, encoding="utf-8")
        self.page.set_input_files("#documents input[type=file]", str(folder / "document.txt"))
        self.page.click("#documents form.p-form button")
        self.page.get_by_role("rowheader", name="document").wait_for()

    def save_assistant(self, name: str = "") -> None:
        """Send the form of an assistant; what it suggests stays, but for the name."""
        if name:
            self.page.fill("[name=name_en]", name)
        self.page.click("[data-testid=save]")
        self.page.wait_for_selector("[data-testid=share]")

    def share(self, *, password: str = "") -> str:
        """From an assistant's page to the page of a new link. Its address."""
        self.page.click("[data-testid=share]")
        self.page.fill("[name=password]", password)
        self.page.click("form button.primary")
        return self.page.locator("[data-testid=link-address]").input_value()

    def try_out(self) -> Visitor:
        """From an assistant's page to a chat with it."""
        self.page.click("[data-testid=open]")
        visitor = Visitor(self.page, self.address)
        visitor.connected()
        return visitor

    def revoke(self) -> None:
        """On a link's page: close it for good."""
        self.page.click("details.p-confirm > summary")
        self.page.click("details.p-confirm button")
        self.page.wait_for_selector("[data-testid=link-state].fault")

    def accept(self) -> None:
        """On the review page: accept the correction at the top, and follow it to the dataset's second version."""
        self.go("chat/feedback/")
        self.page.click("[data-testid=accept-one] >> nth=0")
        self.page.wait_for_load_state()
        self.page.get_by_role("link", name=re.compile(r"v2$")).click()
        self.reported()

    @staticmethod
    def _set(field: Locator, value: str) -> None:
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
