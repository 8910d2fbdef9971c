"""The way in, the way out, and what each role is offered, on a server that asks who one is."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.browser.site import Site, World, axe, picture, require_build
from tests.browser.stage import stage_in
from tests.browser.test_flows import HEADER, choose_tab, shows, stands
from tests.support.browser import Tab, open_browser

from langgraph_multi_agent import bootstrap
from langgraph_multi_agent.access import Scope
from langgraph_multi_agent.access.policy import Role
from langgraph_multi_agent.agents.registry import load_teams
from langgraph_multi_agent.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.system, pytest.mark.timeout(400)]

LOGIN, ACCESS, ACCOUNT = "features/login", "features/access", "features/account"
PEOPLE = {"li": Role.ADMIN, "wang": Role.VIEWER, "zhao": Role.USER}
PASSWORD = "a long enough secret"
AT_LOGIN = "location.pathname === '/login'"
ONLINE = "document.querySelector('[data-connection=online]')"


@asynccontextmanager
async def guarded(directory: Path, **settings: Any) -> AsyncIterator[tuple[World, str]]:
    """A server with `ENABLE_AUTH` and some people, a browser, and a key of an operator for programs."""
    require_build()
    gates = directory / "gates"
    gates.mkdir(parents=True)
    configured = Settings.load(
        {},
        data_dir=directory / "data",
        enable_auth=True,
        memory_monitoring=False,
        pause_grace=0.3,
        shutdown_grace=1.0,
        **({"rate_limit_login": "100000/minute", "rate_limit_failures": "100000/minute"} | settings),
    )
    scope = Scope(tenant="default", actor="test")
    async with bootstrap.operator_identities(configured) as identities:
        for name, role in PEOPLE.items():
            await identities.add_user(scope, name=name, role=role, password=PASSWORD)
        made = await identities.create_key(scope, name="program", role=Role.ADMIN)
    teams = {**load_teams(), "stage": stage_in(gates)}
    async with (
        bootstrap.serving(configured, host="127.0.0.1", port=0, teams=teams) as address,
        open_browser() as browser,
    ):
        yield World(address=address, browser=browser, gates=gates), made.secret


@pytest.fixture(scope="module")
async def shared(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, str]]:
    async with guarded(tmp_path_factory.mktemp("guarded")) as made:
        yield made


@pytest.fixture
async def site(shared: tuple[World, str]) -> AsyncIterator[Site]:
    """The browser notes each 401 as an error, so only what the page did is looked at."""
    world, secret = shared
    async with world.visit(may_complain=True) as visited:
        visited.client.headers["authorization"] = f"Bearer {secret}"
        yield visited
        for tab in visited.tabs:
            assert (tab.violations, tab.harms, tab.dialogs) == ([], [], [])


async def fill_in(site: Site, tab: Tab, name: str, password: str) -> None:
    await tab.fill("textbox", site.word(LOGIN, "name"), name)
    await tab.fill("textbox", site.word(LOGIN, "password"), password)
    await tab.press_on("button", site.word(LOGIN, "submit"))


async def enter(site: Site, name: str, path: str = "/tasks", tab: Tab | None = None) -> Tab:
    """Log in on the way to a page, and wait until it stands there with its connection."""
    tab = await site.go(path, tab)
    await tab.until(AT_LOGIN)
    await fill_in(site, tab, name, PASSWORD)
    await tab.until(f"location.pathname + location.search === {json.dumps(path)} && {ONLINE}")
    return tab


async def person_button(site: Site, tab: Tab) -> None:
    await tab.press_on("button", re.compile("^" + re.escape(site.word(LOGIN, "menu", name=""))))


async def test_a_link_leads_over_the_log_in_to_its_page_with_socket_frame_and_files(site: Site) -> None:
    page = "<!doctype html><title>r</title><main><p>港口的报告正文</p></main>"
    files = {"report.html": ["text/html", "report", page], "table.csv": ["text/csv", "result", "a,b\n1,2\n"]}
    task = await site.submit(title="港口的季度报告", input_data={"hold": ["write"], "files": files})
    path = f"/tasks/{task}?tab=report"
    tab = await site.go(path)
    await tab.until(AT_LOGIN)
    assert "港口" not in await tab.run("document.documentElement.outerHTML")
    await fill_in(site, tab, "zhao", "not the password")
    await tab.find("alert")
    refused = await tab.run("document.querySelector('[role=alert]').innerText")
    assert "登录失败" in refused
    assert "lgma users password" in refused
    await fill_in(site, tab, "zhao", PASSWORD)
    await tab.until(f"location.pathname + location.search === {json.dumps(path)} && {ONLINE}")
    await tab.until(stands(read="completed", write="running"))
    site.open("write")
    await tab.until(f"{HEADER} === 'completed'")
    await tab.until("document.querySelector('iframe')")
    source = await tab.run("document.querySelector('iframe').src")
    assert await tab.run(f"fetch({json.dumps(source)}).then((answer) => answer.status)") == 200
    while "港口的报告正文" not in await tab.frame_text():  # its frame is drawn by itself
        await tab.run("new Promise((resolve) => requestAnimationFrame(resolve))")
    await choose_tab(site, "artifacts")
    await tab.press_on("button", re.compile("table.csv"))
    link = await tab.find("link", site.word("features/task", "files.download"))
    address = await link.attribute("href")
    assert await tab.run(f"fetch({json.dumps(address)}).then((answer) => answer.text())") == "a,b\n1,2\n"
    assert await tab.run("document.cookie") == ""


@pytest.mark.parametrize(
    "wanted", ["//evil.example/x", "/\\evil.example", "https://evil.example/", "javascript:1"]
)
async def test_a_log_in_leads_nowhere_else(site: Site, wanted: str) -> None:
    tab = await site.go(f"/login?next={wanted.replace('/', '%2F').replace(chr(92), '%5C')}")
    await fill_in(site, tab, "zhao", PASSWORD)
    await tab.until(f"location.pathname === '/tasks' && {ONLINE}")
    assert await tab.run("location.origin") == site.address


async def test_logging_out_closes_the_other_tabs_too(site: Site) -> None:
    first = await enter(site, "zhao", "/agents")
    second = await site.go("/settings", await site.another_tab())
    await second.until(ONLINE)
    await person_button(site, first)
    await first.press_on("menuitem", site.word(LOGIN, "out"))
    for tab in (first, second):
        await tab.until(f"{AT_LOGIN} && document.querySelector('input[name=password]')")
    assert await first.run("fetch('/api/v1/tasks').then((answer) => answer.status)") == 401
    await fill_in(site, first, "zhao", PASSWORD)
    await first.until("location.pathname === '/tasks'")
    await second.until("location.pathname === '/settings'")  # where it was, without another log-in


async def test_a_viewer_is_offered_nothing_to_change_and_told_why(site: Site) -> None:
    task = await site.submit(input_data={"hold": ["write"]})
    tab = await enter(site, "wang", f"/tasks/{task}")
    await tab.until(stands(read="completed", write="running"))
    role = site.word(LOGIN, "role.viewer")
    reason = site.word(ACCESS, "not.text", role=role, what=site.word(ACCESS, "may.tasks:write"))
    await tab.until(shows(reason))
    for name in (site.word("features/task", "act.cancel"), site.word("features/task", "act.pause")):
        assert await tab.find_all("button", name) == []
    assert await tab.find_all("link", site.word("frame", "new")) == []
    assert await tab.find_all("link", site.word("frame", "chat")) == []
    await site.go("/tasks/new")
    await tab.until(f"{shows(reason)} && !document.querySelector('textarea')")
    await site.go("/chat")
    await tab.until(f"{shows(site.word(ACCESS, 'may.chat'))} && !document.querySelector('textarea')")
    await site.go("/agents")
    await tab.until(
        f"document.querySelector('[data-agent]') && {shows(site.word(ACCESS, 'may.system:operate'))}"
    )
    assert await tab.find_all("button", re.compile(re.escape(site.word("features/agents", "reset")))) == []
    await site.go("/settings")
    await tab.until(shows(site.word(ACCESS, "may.data:import")))
    assert not await tab.run(
        "document.querySelector('#access') || document.querySelector('input[type=file]')"
    )
    await person_button(site, tab)
    menu = "document.querySelector('[role=menu]').parentElement.innerText"
    await tab.until(
        f"{menu}.includes('wang') && {menu}.includes({json.dumps(role)}) && {menu}.includes('default')"
    )


async def test_what_was_begun_outlives_a_session_that_ended(site: Site) -> None:
    made = await site.client.post("/api/v1/users", json={"name": "sun", "role": "user", "password": PASSWORD})
    assert made.status_code == 201, made.text
    tab = await enter(site, "sun", "/tasks/new")
    about = re.compile(re.escape(site.word("features/new-task", "description.label")))
    await tab.fill("textbox", about, "数一数港口的船")
    await tab.until("document.querySelector('option[value=stage]')")
    await tab.run("""((field) => {
      field.value = 'stage';
      field.dispatchEvent(new Event('change', { bubbles: true }));
    })(document.querySelector('option[value=stage]').closest('select'))""")
    changed = await site.client.patch("/api/v1/users/sun", json={"password": "another long secret"})
    assert changed.status_code == 200, changed.text
    submit = re.compile(f"^{site.word('features/new-task', 'submit')}")
    await tab.find("dialog", site.word(LOGIN, "ended.title"))  # the socket was closed, and the page asked why
    assert await tab.run("document.querySelector('input[name=username]').value") == "sun"
    await tab.fill("textbox", site.word(LOGIN, "password"), "another long secret")
    await tab.press_on("button", site.word(LOGIN, "submit"))
    await tab.gone("dialog")
    assert await tab.run("document.querySelector('main textarea').value") == "数一数港口的船"
    await tab.press_on("button", submit)
    await tab.until("/\\/tasks\\/[0-9a-f-]{36}/.test(location.pathname)")
    site.submitted.append((await tab.run("location.pathname")).rpartition("/")[2])


async def test_a_download_after_the_session_ended_asks_for_the_log_in_and_saves_no_refusal(site: Site) -> None:
    await add_person(site, "feng")
    files = {"table.csv": ["text/csv", "result", "a,b\n1,2\n"], "empty.csv": ["text/csv", "result", ""]}
    task = await site.submit(input_data={"files": files})
    tab = await enter(site, "feng", f"/tasks/{task}?tab=artifacts")
    await tab.until(f"{HEADER} === 'completed'")
    # The link that saves the file is never on the page: what it would save is noted instead.
    await tab.run("""(() => {
      window.saved = [];
      const click = HTMLAnchorElement.prototype.click;
      HTMLAnchorElement.prototype.click = function () {
        if (this.isConnected) click.call(this);
        else window.saved.push([this.download, new URL(this.href).search]);
      };
    })()""")
    download = ("link", site.word("features/task", "files.download"))
    saved: list[list[str]] = []
    for name in files:
        await tab.press_on("button", re.compile(re.escape(name)))
        await tab.press_on(*download)
        saved.append([name, "?download=true"])
        await tab.until(f"JSON.stringify(window.saved) === {json.dumps(json.dumps(saved, separators=(',', ':')))}")
        await tab.press_on("button", site.word("features/task", "files.back"))
    await tab.press_on("button", re.compile("table.csv"))
    await tab.find(*download)
    changed = await site.client.patch("/api/v1/users/feng", json={"is_enabled": False})
    assert changed.status_code == 200
    await tab.find("dialog", site.word(LOGIN, "ended.title"))
    await tab.press("Escape")
    await tab.gone("dialog")
    await tab.press_on(*download)
    await tab.until("!document.querySelector('a[download][aria-busy=true]')")
    assert await tab.run("window.saved") == saved


async def add_person(site: Site, name: str) -> None:
    person = {"name": name, "role": "user", "password": PASSWORD}
    made = await site.client.post("/api/v1/users", json=person)
    assert made.status_code == 201, made.text


async def test_a_person_changes_their_own_password_and_stays_while_others_are_asked_again(site: Site) -> None:
    await add_person(site, "zhou")
    changed = "another long secret"
    tab = await enter(site, "ZHOU", "/settings")
    async with site.person.browser.person() as elsewhere:
        other = await elsewhere.tab()
        await site.go("/tasks", other)
        await fill_in(site, other, "zhou", PASSWORD)
        await other.until(f"location.pathname === '/tasks' && {ONLINE}")
        old, new, again = (site.word(ACCOUNT, key) for key in ("old", "next", "again"))
        save = ("button", site.word(ACCOUNT, "save"))
        alert = "document.querySelector('#account [role=alert]')?.innerText"
        await tab.fill("textbox", old, "not my password")
        await tab.fill("textbox", new, changed)
        await tab.press_on(*save)
        await tab.until(f"{alert} === {json.dumps(site.word(ACCOUNT, 'differ'))}")
        await tab.fill("textbox", again, changed)
        await tab.press_on(*save)
        await tab.until("document.querySelector('#account [name=old_password][aria-invalid=true]')")
        await tab.fill("textbox", old, PASSWORD)
        await tab.press_on(*save)
        await tab.until("[...document.querySelectorAll('#account input[type=password]')].every((one) => !one.value)")
        await other.find("dialog", site.word(LOGIN, "ended.title"))
        assert await tab.run("fetch('/api/v1/tasks').then((answer) => answer.status)") == 200
        assert (other.violations, other.harms) == ([], [])
    logged_in = await site.client.post(
        "/api/v1/auth/login", json={"name": "zhou", "password": changed}, headers={"x-requested-with": "test"}
    )
    assert logged_in.status_code == 200
    site.client.cookies.clear()


async def test_a_person_logs_out_everywhere(site: Site) -> None:
    await add_person(site, "zheng")
    tab = await enter(site, "zheng", "/settings")
    async with site.person.browser.person() as elsewhere:
        other = await elsewhere.tab()
        await site.go("/tasks", other)
        await fill_in(site, other, "zheng", PASSWORD)
        await other.until(f"location.pathname === '/tasks' && {ONLINE}")
        await tab.press_on("button", site.word(ACCOUNT, "out"))
        await tab.find("dialog", site.word(ACCOUNT, "out.title"))
        await tab.run("document.querySelector('dialog[open] footer button:last-child').click()")
        await tab.until(AT_LOGIN)
        await other.find("dialog", site.word(LOGIN, "ended.title"))
        for one in (tab, other):
            assert await one.run("fetch('/api/v1/tasks').then((answer) => answer.status)") == 401


async def test_who_came_with_a_key_or_without_a_log_in_has_no_password_to_change(
    site: Site, shared: tuple[World, str]
) -> None:
    tab = await site.go("/settings")
    await tab.until(AT_LOGIN)
    await tab.press_on("button", site.word(LOGIN, "use.key"))
    await tab.fill("textbox", site.word(LOGIN, "key"), shared[1])
    await tab.press_on("button", site.word(LOGIN, "submit"))
    await tab.until(f"location.pathname === '/settings' && {ONLINE} && document.querySelector('#access')")
    assert not await tab.run("document.querySelector('#account')")


async def test_days_that_are_no_number_do_not_make_a_key_without_an_end(site: Site) -> None:
    tab = await enter(site, "li", "/settings")
    await tab.press_on("button", site.word(ACCESS, "keys.new"))
    await tab.fill("textbox", site.word(ACCESS, "name"), "quarterly")
    days = site.word(ACCESS, "keys.days")
    await tab.fill("textbox", days, "9o")
    create = "document.querySelector('dialog[open] [type=submit]')"
    await tab.until(f"{create}.disabled && document.querySelector('dialog[open] [role=alert]')")
    await tab.fill("textbox", days, "99999")
    await tab.until(f"!{create}.disabled")
    await tab.press_on("button", site.word(ACCESS, "keys.create"))
    await tab.until("document.querySelector('dialog[open] [role=alert]')?.innerText.includes('3650')")
    keys = (await site.client.get("/api/v1/keys")).json()["keys"]
    assert "quarterly" not in [one["name"] for one in keys]


async def test_a_key_is_made_shown_once_used_to_log_in_and_revoked(site: Site) -> None:
    tab = await enter(site, "li", "/settings")
    await tab.press_on("button", site.word(ACCESS, "keys.new"))
    await tab.fill("textbox", site.word(ACCESS, "name"), "夜间报表")
    await tab.press_on("button", site.word(ACCESS, "keys.create"))
    await tab.find("dialog", site.word(ACCESS, "keys.secret.title", name="夜间报表"))
    secret = await tab.run("document.querySelector('dialog[open] code').innerText")
    assert re.fullmatch(r"lgma_[0-9a-z]{12}_[\w-]{43}", secret)
    await tab.press_on("button", site.word(ACCESS, "keys.secret.done"))
    await tab.until(shows("夜间报表"))
    assert secret not in await tab.run("document.documentElement.outerHTML")
    async with site.person.browser.person() as other:
        program = await other.tab()
        await site.go("/tasks", program)
        await program.press_on("button", site.word(LOGIN, "use.key"))
        field = site.word(LOGIN, "key")
        await program.fill("textbox", field, secret[:-2] + ("AA" if not secret.endswith("AA") else "BB"))
        await program.press_on("button", site.word(LOGIN, "submit"))
        await program.until(shows(site.word(LOGIN, "key.refused")))
        await program.fill("textbox", field, secret)
        await program.press_on("button", site.word(LOGIN, "submit"))
        await program.until(f"location.pathname === '/tasks' && {ONLINE}")
        assert secret not in await program.run("JSON.stringify({ ...localStorage, ...sessionStorage })")
        await tab.press_on("button", site.word(ACCESS, "keys.revoke.name", name="夜间报表"))
        await tab.find("dialog", site.word(ACCESS, "keys.revoke.title", name="夜间报表"))
        await tab.press_on("button", site.word(ACCESS, "keys.revoke"))
        await tab.until(shows(site.word(ACCESS, "keys.revoked")))
        refused = "fetch('/api/v1/tasks').then((answer) => answer.status)"
        assert await program.run(refused) == 401
        await program.find("dialog", site.word(LOGIN, "ended.title"))
        assert (program.violations, program.harms) == ([], [])


async def test_a_user_is_added_and_shut_out_again(site: Site) -> None:
    tab = await enter(site, "li", "/settings")
    await tab.press_on("button", site.word(ACCESS, "users.new"))
    await tab.fill("textbox", site.word(ACCESS, "users.name"), "qian")
    await tab.fill("textbox", site.word(ACCESS, "users.pass"), "short")
    await tab.press_on("button", site.word(ACCESS, "users.add"))
    await tab.until("document.querySelector('dialog[open] [role=alert]')?.innerText.includes('12')")
    await tab.fill("textbox", site.word(ACCESS, "users.pass"), PASSWORD)
    await tab.press_on("button", site.word(ACCESS, "users.add"))
    await tab.gone("dialog")
    await tab.press_on("button", site.word(ACCESS, "users.menu", name="qian"))
    await tab.press_on("menuitem", site.word(ACCESS, "users.disable"))
    await tab.find("dialog", site.word(ACCESS, "users.disable.title", name="qian"))
    await tab.press_on("button", site.word(ACCESS, "users.disable"))
    await tab.gone("dialog")
    await tab.until(shows(site.word(ACCESS, "users.disabled")))
    listed = (await site.client.get("/api/v1/users")).json()["users"]
    assert {"qian": False}.items() <= {one["name"]: one["is_enabled"] for one in listed}.items()


async def test_who_tries_too_often_is_told_how_long_to_wait(tmp_path: Path) -> None:
    async with (
        guarded(tmp_path, rate_limit_login="1/day") as (world, _),
        world.visit(may_complain=True) as site,
    ):
        tab = await site.go("/login")
        for _ in range(2):
            await fill_in(site, tab, "li", "not the password")
            await tab.find("alert")
            await tab.until("!document.querySelector('main [aria-busy=true]')")
        seconds = re.escape(site.word("parts", "error.retryAfter", seconds="N")).replace("N", r"\d+")
        await tab.until(f"/{seconds}/.test(document.querySelector('[role=alert]')?.innerText)")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_pages_read_well_by_eye_and_by_ear(site: Site, language: str) -> None:
    theme = {"zh": "light", "en": "dark"}[language]
    await site.prefer(language=language, theme=theme)
    tab = await site.go("/login?next=/settings")
    for width in (360, 1280):
        await tab.resize(width)
        assert await axe(tab) == []
        await picture(tab, f"login-{language}-{width}")
    await fill_in(site, tab, "li", PASSWORD)
    await tab.until(f"document.querySelector('#access table') && {ONLINE}")
    for width in (360, 1280):
        await tab.resize(width)
        await tab.run("document.querySelector('#account').scrollIntoView()")
        await picture(tab, f"account-{language}-{width}")
        await tab.run("document.querySelector('#access').scrollIntoView()")
        assert await axe(tab) == []
        assert await tab.run("document.documentElement.scrollWidth <= innerWidth")
        await picture(tab, f"access-{language}-{width}")
        await person_button(site, tab)
        await tab.find("menuitem", site.word(LOGIN, "out"))
        assert await axe(tab) == []
        await picture(tab, f"person-{language}-{width}")
        await tab.press("Escape")
        await tab.gone("menu")
    await tab.press_on("button", site.word(ACCESS, "keys.new"))
    await tab.find("dialog", site.word(ACCESS, "keys.new"))
    assert await axe(tab) == []
    await picture(tab, f"new-key-{language}")


async def test_a_server_that_asks_nobody_shows_no_person(world: World) -> None:
    async with world.visit() as open_site:
        tab = await open_site.go("/login")
        await tab.until(f"location.pathname === '/tasks' && {ONLINE}")
        assert (
            await tab.find_all("button", re.compile("^" + re.escape(open_site.word(LOGIN, "menu", name=""))))
            == []
        )
