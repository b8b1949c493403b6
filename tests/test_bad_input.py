"""Bad input through every door: the functions, the command line, a folder. The files and what must become of them stand in `bad_files.py`; here are the doors, and what no single
file shows: permissions, names of results, files that change, a batch that is killed, and bad manifests, settings, model folders and parameters."""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import json, re, shutil, signal, struct, subprocess, sys, tempfile, time
from pathlib import Path
import numpy as np, pytest, soundfile as sf
import bad_files
from bad_files import CASES, by_api, by_cli, coded, complaint, from_record, make_all, observe, one, program, state, tiny_model, voice, wanted
from audiostyle.core.errors import AudiostyleError, CheckpointError, DataError, SettingsError

pytestmark = pytest.mark.timeout(120)
PROGRAM = [sys.executable, '-c', 'import sys; from audiostyle.studio.cli import main; sys.exit(main())']
IDS = [re.sub(r'[^\w]+', '_', f'{c.number}_{c.name}').strip('_') for c in CASES]
ROOT = hasattr(os, 'geteuid') and os.geteuid() == 0

@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    "A folder with the model `m` and every case below `in`; the paths by number, and how the files were"
    root = tmp_path_factory.mktemp('shop'); tiny_model(root/'m')
    paths = make_all(root/'in'); return root, paths, state(root/'in')

@pytest.fixture
def place(tmp_path, shop):
    "An empty folder with one good file, and `convert` in it"
    (tmp_path/'a.wav').write_bytes(coded())
    def go(*args, to='high'): return program('convert', '--to', to, '--model', shop[0]/'m', *map(os.fsdecode, map(os.fsencode, args)))
    before = os.getcwd(); os.chdir(tmp_path); yield tmp_path, go; os.chdir(before)

def refused(result, words, code=2):
    rc, out, err = result
    assert rc == code and words in err and err.count('\n') == 1 and not out and '; ' in err and 'internal fault' not in err, result

def names(folder='.'): return sorted(os.fsdecode(k) for k in state(folder))

def check(case, path, out, bad, seen):
    "No complaint, nothing half done, the source as it was"
    assert not bad, bad
    made = [p.name for p in out.parent.iterdir()]
    if seen.status == 'reject': assert not made
    else: assert made == [out.name] and sf.info(out).samplerate == 16000 and .09 < sf.info(out).duration < 2 and np.isfinite(sf.read(out)[0]).all(); out.unlink()

@pytest.mark.parametrize('case', CASES, ids=IDS)
def test_api(case, shop, tmp_path):
    root, paths, before = shop; out = tmp_path/'out.wav'
    bad, seen = by_api(case, paths[case.number], out, root/'m'); check(case, paths[case.number], out, bad, seen['convert'])
    assert max(s.seconds for s in seen.values()) < 20           # it does not hang
    prefix = os.fsencode(case.number)+b'/'; now = state(root/'in'/case.number)
    assert now == {k.removeprefix(prefix): v for k, v in before.items() if k.startswith(prefix)}

@pytest.mark.parametrize('case', CASES, ids=IDS)
def test_command_line(case, shop, tmp_path):
    root, paths, _ = shop; out = tmp_path/'out.wav'
    bad, seen = by_cli(case, paths[case.number], out, root/'m'); check(case, paths[case.number], out, bad, seen); assert seen.seconds < 20

@pytest.fixture(scope='module')
def batch(shop):
    "One run over a folder with all cases; record of each by number"
    root, paths, before = shop; named = [paths[c.number] for c in CASES if c.folder == 'named']
    code, out, err = program('convert', '--to', 'high', '--model', root/'m', '-o', root/'out', '--', root/'in', *named)
    lines = [json.loads(l) for l in (root/'out'/'results.jsonl').read_text().splitlines()]
    assert code == 3 and 'Traceback' not in err and state(root/'in') == before
    by_path = {os.fsencode(r['source']): r for r in lines}; assert len(by_path) == len(lines)
    return {c.number: by_path.get(os.fsencode(paths[c.number])) for c in CASES}, len(lines)

@pytest.mark.parametrize('case', [c for c in CASES if not c.options], ids=[i for c, i in zip(CASES, IDS) if not c.options])
def test_folder(case, shop, batch):
    record = batch[0][case.number]
    assert (record is None) == (case.folder == 'absent')
    if record is None: return
    why = complaint(wanted(case, 'convert'), from_record(record), os.path.basename(shop[1][case.number])); assert not why, why
    assert os.path.exists(os.fsencode(record['out'])) == (record['status'] == 'done') and record['wall_seconds'] < 20

def test_the_folder_holds_what_was_made_and_nothing_else(shop, batch):
    done = sum(r is not None and r['status'] == 'done' for r in batch[0].values()); options = sum(bool(c.options) for c in CASES)
    made = [p for p in (shop[0]/'out').rglob('*') if p.is_file()]
    beside = batch[1]-sum(r is not None for r in batch[0].values())         # other sound files that cases keep in their folders
    assert beside == 1 and len(made) >= done+1 and not [p for p in made if '.tmp-' in p.name] and options

def test_every_message_names_path_cause_and_remedy(shop, tmp_path):
    root, paths, _ = shop; told = []
    for case in CASES:
        if not any(wanted(case, k).startswith('reject') for k in ('load', 'convert')): continue
        _, seen = by_api(case, paths[case.number], tmp_path/'o.wav', root/'m')
        told += [(one(os.path.basename(paths[case.number])), s.text) for s in seen.values() if s.status == 'reject']
    assert len(told) > 100
    for name, text in told:
        path, cause = text.split(': ', 1) if ': ' in text else ('', text); cause, _, remedy = cause.partition('; ')
        assert name in path and len(cause) > 5 and len(remedy) > 7 and text.isprintable(), text

@pytest.mark.parametrize('number', ['1', '3', '6', '14', '38', '40', '41c', 'A3'])
def test_as_a_process(number, shop, tmp_path):
    root, paths, _ = shop; case = next(c for c in CASES if c.number == number)
    done = subprocess.run([*map(os.fsencode, [*PROGRAM, 'convert', '--to', 'high', '--model', root/'m', '-o', tmp_path/'o.wav', '--']), os.fsencode(paths[number])], capture_output=True, text=True, errors='surrogateescape', timeout=60)
    kind = wanted(case, 'convert').partition(':')[0]
    assert done.returncode == (2 if kind == 'reject' else 0) and 'Traceback' not in done.stderr and os.listdir(tmp_path) == ([] if kind == 'reject' else ['o.wav'])
    if kind == 'reject': assert done.stderr.count('\n') == 1 and not done.stdout

@pytest.mark.skipif(not os.path.exists('/proc/self/clear_refs'), reason='the peak of memory can only be reset on Linux')
def test_a_refusal_takes_no_memory(shop):
    root, paths, _ = shop
    code = 'import json, sys; sys.path.insert(0, sys.argv[1]); from bad_files import refuse_all; print(json.dumps(refuse_all(sys.argv[2], json.loads(sys.argv[3]))))'
    done = subprocess.run([sys.executable, '-c', code, str(Path(bad_files.__file__).parent), str(root), json.dumps({k: os.fsdecode(p) for k, p in paths.items()})], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1]); print(found); assert found['extra_mb'] < 300

def test_parts_of_a_huge_file(shop):
    from audiostyle.signal.soundfiles import info, load
    path = shop[1]['36']; i = info(path); assert i.frames == 9*2**29 and i.declared == i.frames
    x, rate = load(path, start=80*3600., duration=.5); assert x.shape == (1, 8000) and not x.any()       # beyond 2^32 bytes
    assert load(path, duration=.5)[0].any()

# --- names of results, and surroundings

def test_results_that_cannot_be(place):
    d, convert = place; (d/'link.wav').symlink_to('a.wav'); os.link('a.wav', 'hard.wav'); (d/'sub').mkdir(); before = state('.')
    for out, words in [('a.wav', 'also the source'), ('link.wav', 'also the source'), ('hard.wav', 'also the source'), ('sub/../a.wav', 'also the source'), ('a.wav/x.wav', 'cannot be written'), ('n'*300+'.wav', 'cannot be written'),
                       ('', 'name of the result is empty'), ('x.doc', 'names no sound format'), ('x.sph', 'names no sound format'), ('/dev/null', 'need a folder'), ('/dev/full', 'need a folder'), ('x.mp3 --rate 96000', 'sample rate'),
                       ('x.ogg --rate 768000', '192000 Hz'), ('x.wav --rate 0', 'sample rate 0 Hz'), ('x.wav --channel -1', 'has no channel -1'), ('/proc/x/y.wav', '/proc/x')]:
        refused(convert('a.wav', '-o', out.split(' ')[0], *out.split(' ')[1:], '--overwrite'), words)
    assert state('.') == before
    from audiostyle.pipelines.convert import convert_file
    for out in ('link.wav', 'x\0y.wav', 'a.wav/x.wav', 'n'*300+'.wav'):
        with pytest.raises(AudiostyleError) as e: convert_file('a.wav', out, 'high')
        assert e.value.remedy and '\n' not in str(e.value)
    assert state('.') == before

def test_results_in_odd_places(place):
    d, convert = place; (d/'folder.wav').mkdir(); (d/'dangling.wav').symlink_to('nowhere'); (d/'null.wav').symlink_to('/dev/null')
    long = '🎵'*62+'.wav'; assert len(os.fsencode(long)) == 252                                           # as long as a name may be
    for out, made in [('folder.wav', 'folder.wav/a.wav'), ('new/deep er/b.flac', 'new/deep er/b.flac'), (long, long), (os.fsdecode(b'\xff.wav'), os.fsdecode(b'\xff.wav'))]:
        assert convert('a.wav', '-o', out)[0] == 0 and os.path.exists(os.fsencode(made)), out
    for out in ('dangling.wav', 'null.wav'):
        refused(convert('a.wav', '-o', out), 'exists already')
        assert convert('a.wav', '-o', out, '--overwrite')[0] == 0 and not os.path.islink(out)          # the link is replaced, not followed
    assert not os.path.exists('nowhere') and not [n for n in names() if '.tmp-' in n]

def test_sources_named_twice_and_nested(place):
    d, convert = place; (d/'in'/'sub').mkdir(parents=True); raw = coded(); (d/'in'/'b.wav').write_bytes(raw); (d/'in'/'sub'/'c.wav').write_bytes(raw); (d/'in'/'sub'/'up').symlink_to('../..'); (d/'in'/'me').symlink_to('.')
    assert convert('a.wav', './a.wav', 'in', 'in/b.wav', '-o', 'out')[0] == 0 and names('out') == ['a.wav', 'b.wav', 'results.jsonl', 'sub', 'sub/c.wav']
    refused(convert('in', '-o', 'in'), 'source folder'); refused(convert('in', '-o', 'in/me'), 'source folder')
    (d/'in'/'b.flac').write_bytes(coded(form='FLAC')); refused(convert('in', '-o', 'out2'), 'two sources'); assert not (d/'out2').exists()
    from audiostyle.pipelines.convert import convert_folder
    with pytest.raises(DataError, match='two sources'): convert_folder('in', 'out2', 'high')
    (d/'in'/'b.flac').unlink(); assert convert('in', '-o', 'in/out')[0] == 0 and convert('in', '-o', 'in/out', '--skip-existing')[0] == 0    # the results are no sources

def test_sources_that_change(place, shop, monkeypatch):
    d, _ = place; from audiostyle.pipelines import chunks, convert as pipeline
    (d/'in').mkdir(); real = chunks._listen
    for n in 'abcd': (d/'in'/f'{n}.wav').write_bytes(coded(voice(1.2)))
    def listen(sounds, world, name):
        "Between the two passes over `b`, `b` is cut, `c` is removed; and `d` is written to while it is read"
        if name.endswith('b.wav'): os.truncate(name, 20000); os.unlink(name.replace('b.wav', 'c.wav'))
        if name.endswith('d.wav'): open(name, 'ab').write(bytes(100))
        return real(sounds, world, name)
    monkeypatch.setattr(chunks, '_listen', listen)
    records = pipeline.convert_folder(d/'in', d/'out', 'high', shop[0]/'m', show=False)
    assert [r['status'] for r in records] == ['done', 'failed', 'failed', 'failed'] and names('out') == ['a.wav', 'results.jsonl']
    for r, words in zip(records[1:], ('changed while it was being read', 'no such file', 'changed while it was being read')): assert words in r['error'], r

NOBODY = """
import json, os, shutil, sys; sys.path.insert(0, {here!r}); import bad_files; from bad_files import program
os.chdir({place!r}); run = lambda *args: program('convert', '--to', 'high', '--model', {model!r}, *args)
assert run('a.wav', '-o', 'warm')[0] == 0 and run('in', '-o', 'warm2')[0] in (0, 3) and run('gone.wav', '-o', 'x.wav')[0] == 2; shutil.rmtree('warm'); shutil.rmtree('warm2')  # all modules are loaded
if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(json.dumps([run(*args) for args in {calls!r}]))
"""

@pytest.mark.skipif(not hasattr(os, 'setuid'), reason='permissions of POSIX')
def test_permissions(shop):
    "As somebody who may not: in a process that gives up its rights where the tests run as root"
    with tempfile.TemporaryDirectory() as place:
        d = Path(place); os.chmod(d, 0o755); shutil.copytree(shop[0]/'m', d/'m'); raw = coded()
        for n in ('a.wav', 'shut.wav', 'in/b.wav', 'in/shut.wav', 'more/d.wav', 'more/closed/e.wav'): (d/n).parent.mkdir(exist_ok=True, parents=True); (d/n).write_bytes(raw)
        for n in ('ro', 'free', 'secret'): (d/n).mkdir()
        (d/'secret'/'x.wav').write_bytes(raw)
        for n, mode in (('shut.wav', 0), ('in/shut.wav', 0), ('ro', 0o555), ('free', 0o777), ('secret', 0), ('more/closed', 0)): os.chmod(d/n, mode)
        calls = [['shut.wav', '-o', 'free/x.wav'], ['secret/x.wav', '-o', 'free/x.wav'], ['a.wav', '-o', 'ro/x.wav'], ['a.wav', '-o', 'ro/new/x.wav'], ['in', '-o', 'ro'], ['in', '-o', 'free/out'], ['secret', '-o', 'free/s'], ['a.wav', '-o', 'secret/x.wav'], ['more', '-o', 'free/more']]
        done = subprocess.run([sys.executable, '-c', NOBODY.format(here=str(Path(bad_files.__file__).parent), place=str(d), model=str(d/'m'), calls=calls)], capture_output=True, text=True, timeout=60)
        os.chmod(d/'secret', 0o755); assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout.splitlines()[-1])
        for r, words in zip(results, ('shut.wav: cannot be read', 'secret/x.wav: cannot be opened', 'ro/x.wav: cannot be written', 'ro/new/x.wav: cannot be written', 'ro: cannot be written', None, 'secret', 'secret/x.wav: cannot be written')):
            if words: refused(r, words)
        rc, out, err = results[5]; assert rc == 3 and 'shut.wav: cannot be read' in err and names(d/'free'/'out') == ['b.wav', 'results.jsonl']
        rc, out, err = results[8]; assert rc == 0 and 'more/closed: cannot be read' in err and 'left out' in err and names(d/'free') == ['more', 'more/d.wav', 'more/results.jsonl', 'out', 'out/b.wav', 'out/results.jsonl']
        os.chmod(d/'more'/'closed', 0o755); assert not names(d/'ro')

def test_a_full_disk_in_a_folder(place):
    import resource
    d, convert = place; (d/'in').mkdir(); (d/'in'/'long.wav').write_bytes(coded(voice(3.), subtype='PCM_U8')); (d/'in'/'short.wav').write_bytes(coded())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE); resource.setrlimit(resource.RLIMIT_FSIZE, (60000, hard))
    try: rc, out, err = convert('in', '-o', 'out')
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert rc == 3 and 'long.wav: ' in err and names('out') == ['results.jsonl', 'short.wav'], (rc, out, err)

# --- a batch that is killed

KILL = """
import os, signal, sys; from audiostyle.signal.soundfiles import Writer; real, n = Writer.write, 0
def write(self, x):
    global n; real(self, x); n += 1
    if n == 3: {then}
Writer.write = write
from audiostyle.studio.cli import main; sys.exit(main(sys.argv[1:]))
"""

def test_a_killed_batch_is_finished_by_the_next(place, shop):
    d, convert = place; (d/'in'/'p').mkdir(parents=True); args = ['convert', 'in', '--to', 'high', '--model', str(shop[0]/'m'), '-o', 'out']
    for i in range(5): (d/'in'/'p'/f'{i} 🎵.wav').write_bytes(coded())
    dead = subprocess.run([sys.executable, '-c', KILL.format(then='os.kill(os.getpid(), signal.SIGKILL)'), *args], capture_output=True)
    left = names('out/p'); assert dead.returncode == -signal.SIGKILL and len(left) == 3 and sum('.tmp-' in n for n in left) == 1, left
    stamps = {n: os.stat(d/'out'/'p'/n).st_mtime_ns for n in left if '.tmp-' not in n}
    rc, out, err = convert('in', '-o', 'out', '--skip-existing', '--json'); report = json.loads(out)
    assert rc == 0 and (report['done'], report['skipped']) == (3, 2) and names('out/p') == [f'{i} 🎵.wav' for i in range(5)]
    assert all(os.stat(d/'out'/'p'/n).st_mtime_ns == s for n, s in stamps.items()) and len({sf.info(d/'out'/'p'/f'{i} 🎵.wav').frames for i in range(5)}) == 1

def test_a_living_batch_keeps_its_file(place, shop):
    d, convert = place; (d/'in').mkdir(); args = ['convert', 'in', '--to', 'high', '--model', str(shop[0]/'m'), '-o', 'out']
    for i in range(4): (d/'in'/f'{i}.wav').write_bytes(coded())
    slow = subprocess.Popen([sys.executable, '-c', KILL.format(then='print("waiting", flush=True); sys.stdin.readline()'), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while 'waiting' not in (line := slow.stdout.readline()): assert line, slow.stderr.read()
    (d/'out'/'.3.tmp-0123abcd.wav').write_bytes(b'left by somebody who died')
    held = [n for n in names('out') if '.tmp-' in n and 'tmp-0123abcd' not in n]; assert len(held) == 1
    assert convert('in', '-o', 'out', '--skip-existing')[0] == 0 and held[0] in names('out') and '.3.tmp-0123abcd.wav' not in names('out')
    out, err = slow.communicate('\n', timeout=60)
    assert slow.returncode in (0, 3) and not [n for n in names('out') if '.tmp-' in n] and all(sf.info(d/'out'/f'{i}.wav').frames == 9600 for i in range(4)), err

# --- manifests (46), settings (47), model folders (48, 49), parameters (56)

LINE = '{"id": "a", "path": "s/a.wav", "split": "train", "speaker": "s"}'
MANIFESTS = {'bad JSON': (LINE+'\n{"id": "b", "pa', 'line 2'), 'duplicate id': (LINE+'\n'+LINE.replace('s/a', 's/b'), 'line 2'), 'duplicate file': (LINE+'\n'+LINE.replace('"a"', '"b"'), 'line 2'), 'outside': (LINE.replace('s/a.wav', '../a.wav'), 'line 1'),
             'absolute': (LINE.replace('s/a.wav', '/etc/passwd'), 'line 1'), 'drive': (LINE.replace('s/a.wav', 'C:\\\\a.wav'), 'line 1'), 'unknown field': (LINE.replace('speaker', 'speeker'), 'line 1'), 'number for a name': (LINE.replace('"s"', '61'), 'line 1'),
             'a list': ('[1, 2]', 'line 1'), 'NaN': (LINE.replace('"s"}', '"s", "duration": NaN}'), 'line 1'), 'empty': ('\n\n', 'no utterance'), 'not UTF-8': ('\udcff'+LINE, 'line 1'), 'deep': ('['*100000, 'line 1'), 'binary': ('\0\1\2\n', 'line 1'), 'huge number': (LINE.replace('"s"}', '"s", "duration": 1e999}'), 'line 1')}

@pytest.mark.parametrize('name', MANIFESTS, ids=[n.replace(' ', '_') for n in MANIFESTS])
def test_manifest(name, tmp_path, monkeypatch):
    from audiostyle.data.manifest import read_manifest
    text, words = MANIFESTS[name]; path = tmp_path/'in'/'manifest.jsonl'; (path.parent/'s').mkdir(parents=True); path.write_text(text, errors='surrogateescape'); (path.parent/'s'/'a.wav').write_bytes(coded())
    seen = observe(lambda: read_manifest(path)); assert not (why := complaint('reject: '+words, seen, 'manifest.jsonl')), why
    monkeypatch.chdir(tmp_path); refused(program('train', 'vae', '--data', 'in'), words); assert os.listdir('.') == ['in']          # before a kernel starts

def test_manifest_leakage_and_what_is_accepted(tmp_path):
    from audiostyle.data.manifest import read_manifest
    path = tmp_path/'m.jsonl'; path.write_text(LINE+'\n'+LINE.replace('"a"', '"b"').replace('s/a', 's/b').replace('train', 'test'))
    assert len(read_manifest(path)) == 2 and not complaint('reject: line 2', observe(lambda: read_manifest(path, disjoint=True)), 'm.jsonl')
    path.write_bytes(b'\xef\xbb\xbf'+LINE.encode()+b'\r\n\r\n'); assert len(read_manifest(path)) == 1
    for bad in (tmp_path/'none.jsonl', tmp_path): assert not complaint('reject: cannot be read', observe(lambda: read_manifest(bad)), bad.name)

SETTINGS = ['hiden=3', 'hidden=much', 'hidden=1.5', 'hidden=true', 'learning_rate=-1', 'learning_rate=0', 'learning_rate=nan', 'learning_rate=1e400', 'beta=-1', 'world.fft_size=512', 'world.f0_floor=600', 'world.f0_method=pyin', 'world.sample_rate=0', 'world.sample_rate=-16000',
            'world.frame_period=0', 'world.fft_size=1025', 'world.nosuch=1', 'warp=.9', 'architecture=os.system', 'feature=none', 'batch_size=0', 'world=3', 'hidden.x=1', 'variance=inf', 'latent=', 'conditional=__import__("os")']

@pytest.mark.parametrize('word', SETTINGS)
def test_settings(word, tmp_path, monkeypatch):
    from audiostyle.core.config import override
    from audiostyle.voice.vae import small
    field = word.partition('=')[0].rpartition('.')[2] if word != 'hidden.x=1' else 'hidden'
    with pytest.raises(SettingsError) as e: override(small(), [word])
    assert field in str(e.value) and '\n' not in str(e.value), e.value
    monkeypatch.chdir(tmp_path); rc, out, err = program('train', 'vae', word); assert rc == 2 and field in err and err.count('\n') == 1 and not os.listdir('.')

@pytest.mark.parametrize('change', [dict(n_mels=600), dict(n_mels=0), dict(n_mels=-1), dict(hop_length=2048), dict(hop_length=0), dict(win_length=4096), dict(n_fft=0), dict(f_min=9000.), dict(f_max=9000.), dict(sample_rate=0), dict(power=0.), dict(floor=-1.), dict(mel_scale='bark')], ids=str)
def test_mel_settings(change):
    from audiostyle.signal.spectral import MelSettings
    with pytest.raises(SettingsError) as e: MelSettings(**change)
    assert next(iter(change)) in str(e.value) and e.value.remedy

class Marker:
    "Unpickled, it makes a file"
    def __init__(self, path): self.path = path
    def __reduce__(self): return os.mkdir, (str(self.path),)

def sealed(**changes):
    "A change of config.json that has a right seal"
    def change(folder):
        from audiostyle.core.config import fingerprint
        path = folder/'config.json'; record = json.loads(path.read_text())
        for key, value in changes.items():
            at, *rest = key.split('__'); part = record
            for k in [at, *rest][:-1]: part = part[k]
            if value is None: part.pop([at, *rest][-1])
            else: part[[at, *rest][-1]] = value
        record.pop('seal'); path.write_text(json.dumps({**record, 'seal': fingerprint(record)}))
    return change

def edit(name, how): return lambda folder: (folder/name).write_bytes(how((folder/name).read_bytes()))
def pickled(folder): import pickle; (folder/'model.safetensors').write_bytes(pickle.dumps(Marker(folder/'PICKLED')))
def pickled_and_sealed(folder):
    from audiostyle.core.store import sha256_bytes
    pickled(folder); sealed(sha256={'model.safetensors': sha256_bytes((folder/'model.safetensors').read_bytes())})(folder)
def only_pickle(folder):
    import torch; torch.save(Marker(folder/'PICKLED'), folder/'model.pt'); (folder/'model.safetensors').unlink(); (folder/'config.json').unlink()
def with_weights(how):
    "Other bytes of weights, with a right digest and a right seal"
    def change(folder):
        from audiostyle.core.store import sha256_bytes
        (folder/'model.safetensors').write_bytes(how((folder/'model.safetensors').read_bytes())); sealed(sha256={'model.safetensors': sha256_bytes((folder/'model.safetensors').read_bytes())})(folder)
    return change
def without(name):
    def how(blob):
        from safetensors.numpy import load, save
        return save({k: v for k, v in load(blob).items() if not k.startswith(name)})
    return how
def not_numbers(blob):
    from safetensors.numpy import load, save
    return save({k: v*np.float16(np.nan) if v.dtype == np.float16 else v for k, v in load(blob).items()})
flip = lambda at: lambda b: b[:at]+bytes([b[at] ^ 1])+b[at+1:]

MODELS = {'pickle under the name of weights': pickled, 'pickle with a right digest': pickled_and_sealed, 'only a pickle': only_pickle, 'weights cut': edit('model.safetensors', lambda b: b[:len(b)//2]), 'weights empty': edit('model.safetensors', lambda b: b''),
          'a flipped bit of the weights': edit('model.safetensors', lambda b: flip(len(b)-100)(b)), 'a flipped bit of the header': edit('model.safetensors', flip(20)), 'huge header': with_weights(lambda b: b'\xff'*7+b'\x7f'+b[8:]), 'header of 4 GB': with_weights(lambda b: struct.pack('<Q', 2**32)+b[8:]),
          'header that is no JSON': with_weights(lambda b: b[:8]+b'x'*len(b[8:])), 'weights cut, digest right': with_weights(lambda b: b[:-1000]), 'no weights': lambda f: (f/'model.safetensors').unlink(), 'no config': lambda f: (f/'config.json').unlink(),
          'config cut': edit('config.json', lambda b: b[:200]), 'config no JSON': edit('config.json', lambda b: b'\x80\x04'), 'config a list': edit('config.json', lambda b: b'[]'), 'config edited': edit('config.json', lambda b: b.replace(b'"low"', b'"lox"')),
          'config empty': edit('config.json', lambda b: b''), 'no digest': sealed(sha256={}), 'no digests at all': sealed(sha256=None), 'digests a text': sealed(sha256='x'), 'format of tomorrow': sealed(format=99), 'format a text': sealed(format='1'), 'a class by name': sealed(model='os.system'),
          'a path by name': sealed(model='../../evil.py'), 'other features': sealed(settings__world__sample_rate=22050), 'other size': sealed(settings__hidden=17), 'a setting too many': sealed(settings__evil=1), 'a setting too few': sealed(settings__latent=None), 'a setting of another kind': sealed(settings__world='os.system'),
          'no voices': sealed(extra={}), 'voices a text': sealed(extra__speakers='lowhigh'), 'voices numbers': sealed(extra__speakers=[1, 2]), 'a voice too many': sealed(extra__speakers=['low', 'high', 'middle']), 'weights of NaN': with_weights(lambda b: not_numbers(b)), 'no statistics': with_weights(without('tensors/')), 'a layer missing': with_weights(without('enc')),
          'weights a folder': lambda f: ((f/'model.safetensors').unlink(), (f/'model.safetensors').mkdir())}

@pytest.mark.parametrize('name', MODELS, ids=[re.sub(r'\W+', '_', n) for n in MODELS])
def test_model_folder(name, shop, place):
    from audiostyle.pipelines.convert import convert_file, load_converter
    d, _ = place; folder = d/'bad model'; shutil.copytree(shop[0]/'m', folder); MODELS[name](folder); before = state(d)
    if name == 'weights of NaN':
        refused(program('convert', '--to', 'high', '--model', 'bad model', '-o', 'o.wav', 'a.wav'), 'a.wav: the model makes NaN'); assert state(d) == before; return
    for door in (lambda: load_converter(folder), lambda: convert_file('a.wav', 'o.wav', 'high', folder)):
        with pytest.raises(CheckpointError) as e: door()
        assert 'bad model' in str(e.value) and e.value.remedy and '\n' not in str(e.value), e.value
    rc, out, err = program('convert', '--to', 'high', '--model', 'bad model', '-o', 'o.wav', 'a.wav'); assert rc == 2 and err.count('\n') == 1 and 'bad model' in err and '; ' in err, err
    rc, out, err = program('convert', '--to', 'high', '--model', 'bad model', '-o', 'out', 'a.wav', 'a.wav'); assert rc == 2 and err.count('\n') == 1 and 'bad model' in err
    assert state(d) == before and not (folder/'PICKLED').exists()

CHECKPOINTS = {k: v for k, v in MODELS.items() if k in ('pickle under the name of weights', 'only a pickle', 'weights cut', 'weights empty', 'a flipped bit of the weights', 'a flipped bit of the header', 'no weights')}

@pytest.mark.parametrize('name', [*CHECKPOINTS, 'other width', 'other settings'], ids=lambda n: n.replace(' ', '_'))
def test_checkpoint(name, tmp_path):
    import torch
    from torch import nn
    from test_train_state import DemoState
    from audiostyle.train.state import load_checkpoint, save_checkpoint
    def demo(width=4): net = nn.Linear(3, width); return DemoState(net, torch.optim.AdamW(net.parameters()), seed=5)
    folder = save_checkpoint(tmp_path, demo(), settings={'mel': {'n_fft': 1024}}); fresh = demo(5 if name == 'other width' else 4); before = [p.clone() for p in fresh.net.parameters()]
    if name == 'only a pickle': (folder/'config.json').write_text('')
    if name in CHECKPOINTS: CHECKPOINTS[name](folder)
    if name == 'only a pickle': (folder/'state.json').unlink()
    with pytest.raises(CheckpointError) as e: load_checkpoint(folder, fresh, settings={'mel': {'n_fft': 512 if name == 'other settings' else 1024}})
    assert 'step-000000' in str(e.value) and e.value.remedy and not (folder/'PICKLED').exists() and all(torch.equal(a, b) for a, b in zip(before, fresh.net.parameters()))

@pytest.mark.parametrize('word', ['max_step=3', 'max_steps=many', 'max_steps=null', 'max_steps=1e400', 'max_steps=1.5', 'seed=None', 'seed=[1]', 'run_dir=\udcff', 'max_steps=nan'])
def test_parameters(word, tmp_path, monkeypatch):
    from audiostyle.core.config import parse_value
    from audiostyle.studio.recipes import run_recipe
    name, _, value = word.partition('='); monkeypatch.chdir(tmp_path)
    if word != 'max_step=3':
        with pytest.raises(SettingsError) as e: run_recipe('vae', {name: parse_value(value) if name != 'run_dir' else value})
        assert name in str(e.value) and e.value.remedy and '\n' not in str(e.value)
    rc, out, err = program('train', 'vae', word); assert rc == 2 and name in err and err.count('\n') == 1 and '; ' in err and not os.listdir('.')

def test_parameters_that_are_accepted():
    from audiostyle.studio.recipes import check_parameters, find_recipe
    path = "it's \"here\" {and} $there\\n"; assert check_parameters(find_recipe('vae'), dict(run_dir=path, seed=3))['run_dir'] == path
