"The documentation site in a real browser: pages, search, a sound, a formula, both colours, and nothing that leaves the machine."
import functools, http.server, threading
from pathlib import Path
import nbformat, pytest
import browser, docs

pytestmark = pytest.mark.browser

class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args): pass

def pick(has):
    "First notebook with an output or a text that `has` accepts, the ground floors first"
    return next((p for p in docs.notebooks() if p.parent.name != 'nbs' and has(nbformat.read(p, 4))), None)

def has_sound(nb): return any('<audio' in str(o.get('data', {}).get('text/html', '')) for c in nb.cells for o in c.get('outputs', []))
def has_formula(nb): return any(c.cell_type == 'markdown' and '$' in c.source for c in nb.cells)
def has_api(nb): return any(c.source.startswith('#| export') and 'def ' in c.source for c in nb.cells)

@pytest.fixture(scope='module')
def chosen():
    "A few notebooks that have between them what a page can have"
    return {k: p for k, p in dict(sound=pick(has_sound), formula=pick(has_formula), api=pick(has_api)).items() if p}

@pytest.fixture(scope='module')
def site(chosen, tmp_path_factory):
    "Address of a site built from those notebooks and served on this machine"
    tmp = tmp_path_factory.mktemp('site')
    docs.build(sorted({str(p) for p in chosen.values()}), out=tmp/'docs', work=tmp/'work', generator='sphinx')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Handler, directory=str(tmp/'docs')))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown(); server.server_close()

@pytest.fixture(scope='module')
def chromium():
    sync_api = pytest.importorskip('playwright.sync_api')
    if not (path := browser.find()): pytest.skip('no Chromium: `python tools/browser.py` tries to get one')
    with sync_api.sync_playwright() as p:
        try: b = p.chromium.launch(executable_path=path, args=browser.ARGS)
        except Exception as e: pytest.skip(f'{path} does not start: {str(e).splitlines()[0]}')
        yield b
        b.close()

@pytest.fixture
def page(chromium, site):
    "A page that refuses what leaves the machine; at the end nothing may have tried, and the console must be clean"
    page, left, errors = chromium.new_page(viewport={'width': 1280, 'height': 900}), [], []
    local = lambda url: url.startswith((site, 'data:', 'blob:'))
    page.route(lambda url: not local(url), lambda route: (left.append(route.request.url), route.abort()))
    page.on('console', lambda m: errors.append(m.text) if m.type == 'error' else None)
    page.on('pageerror', lambda e: errors.append(str(e)))
    page.on('response', lambda r: errors.append(f'{r.status} {r.url}') if r.status >= 400 else None)
    yield page
    page.close()
    assert not left, f'requests to elsewhere: {left}'
    assert not errors, f'errors: {errors}'

def address(site, path): return f'{site}/{docs.address(path)}.html'

def test_first_page_leads_to_every_page(page, site, chosen):
    page.goto(f'{site}/index.html')
    assert page.locator('h1').first.inner_text().startswith('audiostyle')
    links = page.eval_on_selector_all('nav.bd-links a', 'as => as.map(a => a.href)')
    for path in chosen.values(): assert address(site, path) in links
    page.click('a.right-next')                             # next leads to the ground floor, previous back
    assert page.url != f'{site}/index.html'
    page.click('a.left-prev')
    assert page.url == f'{site}/index.html'

def test_search_finds_a_word_of_a_notebook(page, site, chosen):
    title = nbformat.read(chosen['api'], 4).cells[1].source.splitlines()[0].lstrip('# ')
    page.goto(f'{site}/search.html?q={title.split()[0]}')
    page.wait_for_selector('#search-results li a', timeout=20_000)
    assert any(address(site, chosen['api']) in href for href in page.eval_on_selector_all('#search-results li a', 'as => as.map(a => a.href)'))

def test_signatures_and_parameter_tables(page, site, chosen):
    page.goto(address(site, chosen['api']))
    assert page.locator('article h3').count()
    assert page.locator('article table th:has-text("meaning")').count(), 'no table of parameters'
    page.goto(f'{site}/api.html')
    assert page.locator('article table a').count()

def test_formula_is_drawn(page, site, chosen):
    if 'formula' not in chosen: pytest.skip('no notebook with a formula yet')
    page.goto(address(site, chosen['formula']))
    page.wait_for_selector('mjx-container svg path', state='attached', timeout=30_000)
    assert page.locator('mjx-container[jax="SVG"]').count() and not page.locator('mjx-merror').count()

def test_sound_plays(page, site, chosen):
    if 'sound' not in chosen: pytest.skip('no notebook with a player yet')
    page.goto(address(site, chosen['sound']))
    played = page.locator('audio').first.evaluate('''async a => { a.muted = true; await a.play(); await new Promise(r => setTimeout(r, 400));
        return {error: a.error && a.error.message, at: a.currentTime, of: a.duration} }''')
    assert played['error'] is None and played['at'] > 0 and played['of'] > 0

def test_dark_and_light(page, site):
    page.goto(f'{site}/index.html')
    def colour_in(mode):
        page.click('button.theme-switch-button >> visible=true')
        page.click(f'button.theme-change-button[data-mode="{mode}"] >> visible=true')
        return page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert colour_in('dark') != colour_in('light')
