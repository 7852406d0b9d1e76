"""A chat in the frame of another site's page: it answers there, and shows itself nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page

from tests.browser.visit import Site

DONE = "[data-testid=message-assistant]:last-of-type[data-state=done]"
PASSWORD = "open sesame"


class Friend:
    """A page of somebody else. `localhost` and `127.0.0.1` are two sites to a browser, so one is third-party to the
    other: no cookie of ours is sent or kept in a frame."""

    def __init__(self) -> None:
        self.body = ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self.server.serve_forever, daemon=True).start()
        port = self.server.server_address[1]
        self.named, self.stranger = f"http://localhost:{port}", f"http://127.0.0.1:{port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        friend = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = f"<!doctype html><title>A friend's page</title><h1>Hello</h1>{friend.body}".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def friend() -> Iterator[Friend]:
    made = Friend()
    yield made
    made.server.shutdown()


@pytest.fixture
def owner(chromium: Browser, site: Site) -> Iterator[Page]:
    """The admin, signed in."""
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{site.address}/sign-in/?next=/admin/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", (site.home / "admin.password").read_text().strip())
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/")
    yield page
    context.close()


def shared(owner: Page, site: Site, assistant: str, origin: str, password: str = "") -> str:
    """Make a link that this origin may frame; the line for its pages."""
    owner.goto(f"{site.address}/admin/sharing/sharelink/add/")
    owner.select_option("[name=assistant]", label=assistant)
    owner.fill("[name=password]", password)
    owner.click("text=Limits, languages, other sites")
    owner.fill("[name=embed_origins]", origin)
    owner.click("text=Make the link")
    return owner.get_by_test_id("link-snippet").input_value()


def framed(page: Page) -> Frame:
    element = page.wait_for_selector("iframe")
    frame = element.content_frame() if element else None
    assert frame is not None
    return frame


def ask(frame: Frame, text: str) -> str:
    frame.wait_for_selector("[data-online=yes]")
    frame.get_by_test_id("prompt").fill(text)
    frame.get_by_test_id("send").click()
    frame.wait_for_selector(DONE, timeout=60_000)
    return frame.locator("[data-testid=message-assistant] [data-text]").last.inner_text()


@pytest.mark.parametrize("context", [{"viewport": {"width": 280, "height": 620}}], indirect=True)
def test_it_answers_in_the_frame_of_a_named_site_without_cookies(
    context: BrowserContext, site: Site, owner: Page, friend: Friend,
) -> None:
    friend.body = shared(owner, site, "English and Chinese", friend.named)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(friend.named)
    frame = framed(page)
    assert "学生" in ask(frame, "I am a student.")
    frame.click(".inside summary")
    frame.wait_for_selector(".inside table")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults == [] and context.cookies() == []


def test_a_reload_comes_back_to_the_conversation_where_the_browser_keeps_something(
    context: BrowserContext, site: Site, owner: Page, friend: Friend,
) -> None:
    address = shared(owner, site, "English and Chinese", friend.named).split('"')[1]
    page = context.new_page()
    page.goto(address)
    ask(page.main_frame, "I am a student.")
    page.reload()
    page.wait_for_selector(DONE)
    page.click("[title='New conversation']")
    page.wait_for_selector("#welcome")
    assert page.locator(DONE).count() == 0 and page.url.startswith(address) and "new" not in page.url


def test_a_page_that_is_not_named_sees_nothing_of_it(
    context: BrowserContext, site: Site, owner: Page, friend: Friend,
) -> None:
    friend.body = shared(owner, site, "English and Chinese", friend.named)
    page, said = context.new_page(), []
    page.on("console", lambda line: said.append(line.text))
    page.goto(friend.stranger)
    page.wait_for_timeout(1500)
    assert any("frame-ancestors" in line for line in said)
    assert not framed(page).query_selector("#app")
    friend.body = friend.body.replace("embed/", "")
    page.goto(friend.named)
    page.wait_for_timeout(1500)
    assert not framed(page).query_selector("#app")


def test_the_password_is_asked_in_the_frame_and_a_revoked_link_closes_it(
    context: BrowserContext, site: Site, owner: Page, friend: Friend,
) -> None:
    friend.body = shared(owner, site, "English and Chinese", friend.named, PASSWORD)
    page = context.new_page()
    page.goto(friend.named)
    frame = framed(page)
    frame.fill("[name=password]", "a wrong one")
    frame.click("button")
    frame.wait_for_selector(".errorlist")
    frame.fill("[name=password]", PASSWORD)
    frame.click("button")
    assert "学生" in ask(frame, "I am a student.")
    owner.click("text=Revoke…")
    owner.click("text=Revoke for good")
    frame.wait_for_selector("[data-testid=closed]", timeout=5_000)
    page.reload()
    assert "Nothing answers at this address" in framed(page).inner_text("main")
