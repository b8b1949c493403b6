"A listening test in JupyterLab, in a real browser, by keyboard alone: whole, blinded, and resumed after a reload and after a restart of the kernel."
import csv, os, re, secrets, socket, subprocess, sys, time, urllib.request
from pathlib import Path
import nbformat, pytest
import browser

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group('test_listening')]
SECRETS = ('secretsystem', 'hiddensystem', 'words0', 'words1')          # systems and sentences: must never be on the page
FORM = "from audiostyle.studio.listening_form import listening_form\nform = listening_form('mytest')\nform"

@pytest.fixture(scope='module')
def place(tmp_path_factory):
    "A folder with a published test of four trials and the notebook that shows it"
    import torch
    from audiostyle.signal.soundfiles import save
    from audiostyle.studio.listening import listening_plan, publish_test
    root, sounds = tmp_path_factory.mktemp('lab'), tmp_path_factory.mktemp('sounds')
    for k, s in enumerate(SECRETS[:2]):
        for i in range(2): save(sounds/s/f'words{i}.wav', .2*torch.sin(torch.arange(2400)*(.2+.1*i+.05*k)), 8000)
    publish_test(listening_plan({s: sounds/s for s in SECRETS[:2]}), root/'mytest')
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FORM)], metadata={'kernelspec': {'name': 'python3', 'display_name': 'python3', 'language': 'python'}})
    nbformat.write(nb, root/'listen.ipynb')
    return root

@pytest.fixture(scope='module')
def lab(place, tmp_path_factory):
    "Address and token of a JupyterLab on this machine"
    pytest.importorskip('jupyterlab'); pytest.importorskip('anywidget')
    home, token = tmp_path_factory.mktemp('home'), secrets.token_hex(16)
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    env = {**os.environ, 'JUPYTER_CONFIG_DIR': str(home/'config'), 'JUPYTERLAB_SETTINGS_DIR': str(home/'settings'), 'JUPYTERLAB_WORKSPACES_DIR': str(home/'workspaces'), 'JUPYTER_RUNTIME_DIR': str(home/'run'), 'OMP_NUM_THREADS': '1'}
    with open(home/'log', 'w') as log:
        server = subprocess.Popen([sys.executable, '-m', 'jupyterlab', '--no-browser', '--ip=127.0.0.1', f'--port={port}', '--allow-root', f'--IdentityProvider.token={token}', f'--ServerApp.root_dir={place}',
            '--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate', '--LabApp.news_url=None', '--LabApp.extension_manager=readonly'], stdout=log, stderr=log, env=env, cwd=home)
    base = f'http://127.0.0.1:{port}'
    try:
        for _ in range(240):
            if server.poll() is not None: pytest.fail((home/'log').read_text()[-2000:])
            try: urllib.request.urlopen(f'{base}/api/status?token={token}', timeout=2); break
            except OSError: time.sleep(.25)
        else: pytest.fail(f"JupyterLab does not answer\n{(home/'log').read_text()[-2000:]}")
        yield base, token
    finally:
        server.terminate()
        try: server.wait(20)
        except subprocess.TimeoutExpired: server.kill(); server.wait()

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
def page(chromium, lab):
    "A page that refuses what leaves the machine"
    page, left = chromium.new_page(viewport={'width': 1280, 'height': 900}), []
    page.route(lambda url: not url.startswith((lab[0], lab[0].replace('http', 'ws'), 'data:', 'blob:')), lambda r: (left.append(r.request.url), r.abort()))
    page.set_default_timeout(60_000)
    yield page
    page.close()
    assert not left, f'requests to elsewhere: {left}'

def form(page, kind):
    "Wait until the form shows what is wanted; else say what the notebook shows"
    try: page.wait_for_selector(f'.listening[data-kind={kind}]')
    except Exception as e: raise AssertionError(f'no form of the kind {kind}; the notebook shows: {page.inner_text(".jp-Notebook")}') from e
def keys(page, *names):
    for k in names: page.keyboard.press(k)

def open_notebook(page, lab):
    "The notebook, its kernel idle"
    page.goto(f'{lab[0]}/lab/tree/listen.ipynb?token={lab[1]}&reset')
    page.wait_for_selector('.jp-Notebook .jp-Cell')
    ready(page)

def ready(page): page.wait_for_selector('#jp-main-statusbar >> text=/\\| Idle$/')           # a cell run before would bring up a dialogue

def run_cell(page):
    "Run the only cell by keyboard; a form from before is not taken for the new one"
    page.evaluate("document.querySelector('.listening')?.remove()")
    page.click('.jp-Notebook .jp-InputPrompt'); page.keyboard.press('Control+Enter'); form(page, 'name')

def begin(page, name):
    "Type a name into the field that has the focus, and go through the welcome"
    page.wait_for_function("() => document.activeElement.matches('.listening input[type=text]')"); page.keyboard.type(name); page.keyboard.press('Enter'); form(page, 'welcome')
    said = page.inner_text('.listening'); page.keyboard.press('Enter'); form(page, 'trial')
    return said

def on_trial(page, n): page.wait_for_function(f"() => document.querySelector('.listening[data-kind=trial] progress')?.value === {n}")

def listen(page):
    "Space, and wait until the sound has come to its end"
    page.keyboard.press('Space'); page.wait_for_selector('.listening .play[data-state=heard]')

def no_secret(page):
    "Neither the page nor its widgets' state nor the addresses of its sounds say a name"
    text = page.content()
    for word in SECRETS: assert word not in text, word

def rows(place):
    "All answers on the disk"
    return [r for p in sorted((place/'mytest'/'answers').glob('*.csv')) for r in csv.DictReader(p.open())]

def test_whole_test_by_keyboard_with_a_reload_and_a_restart(page, lab, place):
    open_notebook(page, lab); run_cell(page)
    keys(page, 'Enter'); page.wait_for_selector('.listening [role=alert]:has-text("a name is needed")')
    said = begin(page, 'Ann'); assert 'How natural' not in said and 'Space plays' in said and 'Welcome back' not in said
    on_trial(page, 0); no_secret(page)
    keys(page, 'Enter'); page.wait_for_selector('.listening [role=status]:has-text("listen to the end")')       # not heard
    listen(page); keys(page, 'Enter'); page.wait_for_selector('.listening [role=status]:has-text("answer first")')
    keys(page, '7'); page.wait_for_selector('.listening [role=status]:has-text("7 is not among")')
    keys(page, '4'); assert page.evaluate('document.activeElement.value') == '4' and page.is_checked('.listening input[value="4"]')
    assert page.evaluate("getComputedStyle(document.activeElement.closest('label')).outlineStyle") == 'solid'    # the focus is seen
    assert page.locator('.jp-Notebook .jp-MarkdownCell').count() == 0 and page.locator('.jp-Notebook .jp-Cell').count() == 1    # Lab's own keys kept still
    keys(page, '2', 'Enter'); on_trial(page, 1)
    assert [(r['rater'], r['trial'], r['score'], r['plays']) for r in rows(place)] == [('Ann', '0', '2', '1')]
    names = page.evaluate("[...document.querySelectorAll('.listening button, .listening input, .listening progress, .listening fieldset')].map(e => e.getAttribute('aria-label') || e.textContent || e.closest('label')?.textContent)")
    assert all(names), names                                                                                     # everything has a name to read out
    page.reload(); open_notebook(page, lab); run_cell(page)                                                      # in the middle: a reload
    assert 'Welcome back, ann: 1 of 4' in begin(page, 'ann'); on_trial(page, 1)
    listen(page); keys(page, '5', 'Enter'); on_trial(page, 2); no_secret(page)
    page.click("[data-jp-item-name='restart']"); page.click('.jp-Dialog button.jp-mod-accept')  # in the middle: a restart of the kernel
    page.wait_for_function("() => !document.querySelector('#jp-main-statusbar').textContent.includes('| Idle')", polling=20); ready(page); run_cell(page)
    assert 'Welcome back, Ann: 2 of 4' in begin(page, 'Ann'); on_trial(page, 2)
    keys(page, 's'); page.wait_for_selector('.listening .play[data-state=heard]')                                # a letter plays too
    keys(page, '1', 'Enter'); on_trial(page, 3)
    listen(page); keys(page, '3'); page.keyboard.press('Enter'); page.keyboard.press('Enter'); form(page, 'done'); no_secret(page)
    found = rows(place); assert [(r['trial'], r['score']) for r in found] == [('0', '2'), ('1', '5'), ('2', '1'), ('3', '3')]
    assert {(r['first'], r['item']) for r in found} == {(s, i) for s in SECRETS[:2] for i in SECRETS[2:]} and len({r['session'] for r in found}) == 3
    assert all(float(r['seconds']) > 0 and re.fullmatch(r'20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ', r['time']) for r in found)

def test_two_pages_with_one_name_lose_nothing(page, chromium, lab, place):
    open_notebook(page, lab); run_cell(page); begin(page, 'Eve'); before = len(rows(place))
    from audiostyle.studio.listening_answers import Session
    Session(place/'mytest', 'eve').answer({'score': 5})                                                          # somebody else, in another kernel
    listen(page); keys(page, '1', 'Enter'); page.wait_for_selector('.listening [role=alert]:has-text("nothing is lost")')
    assert page.is_checked('.listening input[value="1"]') and len(rows(place)) == before+1 and place.name not in page.inner_text('.listening')
