"The conversion bench in a real browser, as a page through Voilà and in JupyterLab: what comes in, what is seen and heard, what is refused, what is stopped."
import base64, io, os, shutil, socket, subprocess, sys, time, urllib.error, urllib.request
from pathlib import Path
import pytest
import browser

pytestmark = pytest.mark.browser
TOKEN = 'bench'
FONTS = 'https://cdn.jsdelivr.net/npm/@fortawesome/'      # Voilà's own template asks for its icons; the bench has none and does without

@pytest.fixture(scope='module')
def chromium():
    sync_api = pytest.importorskip('playwright.sync_api'); pytest.importorskip('anywidget')
    if not (path := browser.find()): pytest.skip('no Chromium: `python tools/browser.py` tries to get one')
    with sync_api.sync_playwright() as p:
        try: b = p.chromium.launch(executable_path=path, args=[*browser.ARGS, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'])
        except Exception as e: pytest.skip(f'{path} does not start: {str(e).splitlines()[0]}')
        yield b
        b.close()

@pytest.fixture(scope='module')
def sounds(tmp_path_factory):
    "A sentence of the built-in corpus, a long sound of many, a text that calls itself a sound, and a file of 100 MB"
    import torch
    from audiostyle.data.synthetic import builtin_corpus
    from audiostyle.signal.waveform import load, save
    d, corpus = tmp_path_factory.mktemp('sounds'), builtin_corpus()
    hers = [corpus.path_of(u) for u in corpus if u.speaker == 'f01']
    shutil.copy(hers[0], d/'hers.flac')
    save(d/'long.wav', torch.cat([load(p)[0] for p in hers[:14]], 1), 16000)
    (d/'diary.wav').write_text('Dear diary, today I')
    with open(d/'film.wav', 'wb') as f: f.truncate(100*2**20)
    return d

class Server:
    "A Jupyter server on a free port of this machine, started in a folder and ended with all its kernels"
    def __init__(self, folder, command):
        with socket.socket() as s: s.bind(('127.0.0.1', 0)); self.port = s.getsockname()[1]
        env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'} | {'OMP_NUM_THREADS': '1'}     # IN_TEST would show the picture of the bench instead of the bench
        self.log = open(folder/'server.log', 'wb')
        self.process = subprocess.Popen([*command, f'--port={self.port}'], cwd=folder, env=env, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        end = time.monotonic()+180
        while time.monotonic() < end:
            try: urllib.request.urlopen(self.url('/api/status'), timeout=5); return
            except urllib.error.HTTPError: return
            except OSError: time.sleep(.2)
            if self.process.poll() is not None: break
        raise RuntimeError((folder/'server.log').read_text()[-3000:])
    def url(self, path): return f'http://127.0.0.1:{self.port}{path}?token={TOKEN}'
    def bench_processes(self):
        import psutil
        mine = [p for p in psutil.Process(self.process.pid).children(recursive=True) if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        return [p.pid for p in mine if 'multiprocessing.spawn' in ' '.join(p.cmdline())]
    def close(self):
        self.process.terminate()
        try: self.process.wait(30)
        except subprocess.TimeoutExpired: self.process.kill(); self.process.wait()
        self.log.close()

@pytest.fixture
def serve(tmp_path):
    started = []
    def start(*args): started.append(Server(tmp_path, *args)); return started[-1]
    yield start
    for s in started: s.close()

@pytest.fixture
def page(chromium):
    "A page that refuses what leaves the machine; nothing of ours may have tried, and no script may have failed"
    page, left, errors, sent = chromium.new_page(viewport={'width': 1200, 'height': 1000}), [], [], []
    local = lambda url: url.startswith(('http://127.0.0.1', 'ws://127.0.0.1', 'data:', 'blob:'))
    page.route(lambda url: not local(url), lambda route: (left.append(route.request.url), route.abort()))
    page.on('pageerror', lambda e: errors.append(str(e)))
    page.on('websocket', lambda ws: ws.on('framesent', lambda data: sent.append(len(data))))
    page.sent = sent; page.set_default_timeout(120_000)
    yield page
    page.close()
    assert not [url for url in left if not url.startswith(FONTS)] and not errors, (left, errors)

def state(page, *names): page.wait_for_selector(', '.join(f'.as-bench[data-state={n}]' for n in names)); return page.get_attribute('.as-bench', 'data-state')
def status(page): return page.inner_text('.run .status >> nth=0')
def choose(page, path): page.set_input_files('.as-bench input[type=file]', path)

def heard(page, which):
    "Samples that a player holds, as 16-bit numbers, with their rate; and what the browser makes of them"
    import soundfile as sf
    audio = page.locator(f'.as-bench .{which} audio')
    played = audio.evaluate('''async a => { a.muted = true; await a.play(); await new Promise(r => setTimeout(r, 300)); a.pause(); return {error: a.error && a.error.message, at: a.currentTime, seconds: a.duration} }''')
    x, rate = sf.read(io.BytesIO(base64.b64decode(audio.get_attribute('src').split('base64,')[1])), dtype='int16')
    assert played['error'] is None and played['at'] > 0 and abs(played['seconds']-len(x)/rate) < .05
    return x, rate

def test_page_through_voila(serve, page, sounds):
    import numpy as np, soundfile as sf, torch
    from audiostyle.pipelines.convert import convert_waveform
    from audiostyle.signal.waveform import load, loudness
    from audiostyle.studio.bench import command, write_app
    app = write_app(sounds/'app'); server = serve([w for w in command(app, 'page', show=False) if not w.startswith('--port')])
    page.goto(server.url('/')); page.wait_for_selector('.as-bench .convert'); assert page.get_attribute('.as-bench', 'data-state') == 'idle'
    assert page.is_disabled('.convert') and page.is_disabled('.cancel')

    drop = '''([name, text]) => { const d = new DataTransfer(); d.items.add(new File([text], name)); document.querySelector('.as-bench .drop').dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true})); }'''
    page.evaluate(drop, ['diary.wav', (sounds/'diary.wav').read_text()])                       # dropped, and no sound
    state(page, 'failed'); assert status(page).startswith('diary.wav: is not readable audio') and '\n' not in status(page)

    choose(page, sounds/'hers.flac'); state(page, 'ready')
    x, rate = heard(page, 'before'); assert rate == 16000 and np.array_equal(x, sf.read(sounds/'hers.flac', dtype='int16')[0])    # to the last bit: nothing was normalised

    page.select_option('.mix select', 'slt'); page.click('.more'); page.select_option('.mix .voice:nth-child(2) select', 'bdl')
    page.focus('.mix .voice:nth-child(2) input'); [page.keyboard.press('ArrowRight') for _ in range(10)]                           # by keyboard, and the other gives way
    assert page.locator('.mix output').all_inner_texts() == ['40 %', '60 %']
    page.dblclick('.convert'); assert state(page, 'done', 'failed') == 'done', status(page)
    assert page.get_attribute('.as-bench', 'data-jobs') == '1'                                  # clicked twice, converted once
    assert page.locator('.figure svg image').count() >= 2 and page.locator('.figure svg').bounding_box()['width'] > 600
    assert 'slt 40 % + bdl 60 % (vae)' in page.text_content('.figure svg') and 'median pitch' in page.get_attribute('.figure', 'aria-label')

    y, rate = heard(page, 'after'); wanted, _ = convert_waveform(*load(sounds/'hers.flac'), {'slt': .4, 'bdl': .6}, 'vae')
    peak, loud = float(wanted.abs().max()), loudness(wanted, rate); z = torch.tensor(y/32768., dtype=torch.float32)
    assert len(y) == wanted.shape[1] and abs(float(z.abs().max())-peak) < 2e-3 and abs(loudness(z, rate)-loud) < .05
    assert np.corrcoef(z, wanted[0])[0, 1] > .999

    assert page.input_value('.folder') == 'converted'; page.dblclick('.save'); page.wait_for_selector('.saved:has-text("Saved as")')
    kept = sounds/'app'/'converted'; assert [p.name for p in kept.iterdir()] == ['hers_slt40-bdl60.wav']
    assert np.array_equal(sf.read(kept/'hers_slt40-bdl60.wav', dtype='int16')[0], y)

    page.click('.record'); page.wait_for_selector('.record.recording'); page.wait_for_timeout(1500); page.click('.record')         # a device that beeps
    state(page, 'ready'); assert page.inner_text('.drop .name').startswith('recording ') and page.is_hidden('.keep')
    x, rate = heard(page, 'before'); assert len(x) > .8*rate and np.abs(x).max() > 1000

def test_in_jupyterlab(serve, page, sounds, root, tmp_path):
    shutil.copy(root/'nbs'/'90_studio'/'04_bench.ipynb', tmp_path/'bench.ipynb')
    server = serve([sys.executable, '-m', 'jupyterlab', '--no-browser', '--ip=127.0.0.1', '--allow-root', f'--IdentityProvider.token={TOKEN}', f'--ServerApp.root_dir={tmp_path}',
        '--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate', '--LabApp.news_url=None', '--LabApp.extension_manager=readonly'])
    page.goto(server.url('/lab/tree/bench.ipynb')+'&reset')
    def open_bench():
        page.wait_for_selector('text=/ipykernel\\) \\| Idle/')
        for _ in range(8):                                                                    # a kernel that is only just starting forgets what it was sent
            page.click('.jp-CodeCell:has-text("bench = ConversionBench(); bench") .jp-InputArea-editor'); page.keyboard.press('Shift+Enter')     # the cell at the top, nothing else
            try: return page.wait_for_selector('.as-bench[data-state=idle]', timeout=15_000)
            except Exception: pass
        raise AssertionError('the cell shows no bench')
    open_bench(); cells = page.locator('.jp-Cell').count()

    before = sum(page.sent); choose(page, sounds/'film.wav'); state(page, 'failed')
    assert status(page).startswith('film.wav: has 100 MB, and the bench takes up to 32') and sum(page.sent)-before < 2**20                  # refused unread: hardly a byte was sent
    choose(page, sounds/'diary.wav'); page.wait_for_selector('.status:has-text("diary.wav: is not readable audio")')

    choose(page, sounds/'long.wav'); state(page, 'ready')
    seconds = []
    for _ in range(2):                                                         # half-way, where a thread could not be stopped
        page.focus('.convert'); page.keyboard.press('Enter'); state(page, 'converting')
        page.wait_for_function('() => { const p = document.querySelector(".as-bench progress"); return p.hasAttribute("value") }')
        seconds.append(page.evaluate('''() => new Promise(done => { const el = document.querySelector('.as-bench'), start = performance.now();
            new MutationObserver(() => el.dataset.state === 'ready' && done((performance.now()-start)/1000)).observe(el, {attributes: true}); el.querySelector('.cancel').click(); })'''))
        assert status(page) == 'Cancelled.' and page.is_enabled('.convert') and page.is_hidden('.keep')
    print('cancelled after', [round(s, 3) for s in seconds], 's'); assert min(seconds) <= 1
    assert page.locator('.jp-Cell').count() == cells                           # keys pressed in the bench are none of the notebook's

    page.click('.convert'); state(page, 'converting'); working = server.bench_processes(); assert len(working) == 1
    page.click('li.lm-MenuBar-item >> text=Kernel'); page.click("li[data-command='kernelmenu:restart']"); page.click('.jp-Dialog button.jp-mod-accept')
    end = time.monotonic()+30
    while set(working) & set(server.bench_processes()) and time.monotonic() < end: time.sleep(.1)
    assert not set(working) & set(server.bench_processes())                     # gone with its kernel
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith('.')) == ['bench.ipynb', 'server.log']       # nothing half-written, nothing at all
    open_bench(); choose(page, sounds/'hers.flac'); state(page, 'ready'); page.dblclick('.convert'); assert state(page, 'done', 'failed') == 'done', status(page)
    assert page.get_attribute('.as-bench', 'data-jobs') == '1' and page.locator('.figure svg image').count() >= 2 and len(heard(page, 'after')[0]) == len(heard(page, 'before')[0])
    page.click('.save'); page.wait_for_selector('.saved:has-text("Saved as")'); assert [p.name for p in (tmp_path/'converted').iterdir()] == ['hers_bdl.wav']
