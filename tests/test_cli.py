"The command line as a shell sees it: exit codes, one line for every fault, nothing overwritten, strange names and surroundings."
import json, os, resource, shutil, signal, subprocess, sys, time
from pathlib import Path
import numpy as np, pytest, soundfile as sf
from bad_files import tiny_model

PROGRAM = [sys.executable, '-c', 'import sys; from audiostyle.studio.cli import main; sys.exit(main())']

def run(*args, cwd, env=None, timeout=300, **kwargs):
    "Exit code, standard output and standard error"
    done = subprocess.run([*PROGRAM, *map(os.fsencode, map(str, args))], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, errors='surrogateescape', timeout=timeout, **kwargs)
    assert 'Traceback' not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr

def voice(seconds=1., sample_rate=16000, hz=120):
    "A buzz with vibrato and gaps"
    t = np.arange(int(seconds*sample_rate))/sample_rate
    return .1*sum(np.sin(2*np.pi*k*(hz*t+3*np.sin(6*t)))/k for k in range(1, 20))*(t%.5<.4)

@pytest.fixture(scope='module')
def model(tmp_path_factory):
    "A converter that was never trained, with two voices"
    return tiny_model(tmp_path_factory.mktemp('models')/'tiny model')

@pytest.fixture
def convert(model, tmp_path):
    "`audiostyle convert ARGS --model tiny` in an empty folder with one good file, `a.wav`"
    sf.write(tmp_path/'a.wav', voice(), 16000)
    def go(*args, to='high', **kwargs): return run('convert', '--model', model, '--to', to, *args, cwd=tmp_path, **kwargs)
    return go

def refused(result, text, code=2):
    "One line on standard error, nothing on standard output, the due exit code"
    rc, out, err = result
    assert rc == code and text in err and err.count('\n') == 1 and not out, result

def tree(folder): return sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*'))

def test_no_torch_before_it_is_needed(tmp_path):
    for args, code in [(['--help'], 0), (['--version'], 0), (['convert', '--help'], 0), ([], 2), (['convert'], 2), (['fly'], 2), (['convert', 'no.wav', '--to', 'x', '-o', 'y.wav'], 2), (['train', 'x'], 2), (['speakers', '--system', 'vae'], 0), (['convert', 'no.wav', '--system', 'vqae', '--to', 'x', '-o', 'y.wav'], 2), (['compare', 'no.csv', '-o', 'y'], 2), (['verify', 'no.wav', 'no.wav'], 2), (['embed', 'no.wav', '-o', 'x.npz'], 2), (['info', 'no.wav'], 2)]:
        source = f'import sys\nfrom audiostyle.studio.cli import main\ncode = main({args!r})\nsys.exit(99 if "torch" in sys.modules else code)'
        assert subprocess.run([sys.executable, '-c', source], cwd=tmp_path, capture_output=True).returncode == code, args

def test_every_command_explains_itself(tmp_path):
    for command in 'convert compare verify trials embed info train sweep demo speakers recipes doctor'.split()+['data check']:
        rc, out, err = run(*command.split(), '--help', cwd=tmp_path)
        assert rc == 0 and not err and 'Usage: audiostyle' in out and out.count('\n') > 5

def test_a_file(convert, tmp_path):
    rc, out, err = convert('a.wav', '-o', 'new folder/b.flac')
    assert rc == 0 and 'high' in out, err
    x, rate = sf.read(tmp_path/'new folder'/'b.flac')
    assert (rate, x.shape) == (16000, (16000,)) and .01 < np.abs(x).max() <= 1
    assert tree(tmp_path) == ['a.wav', 'new folder', 'new folder/b.flac']

def test_any_rate_and_layout(convert, tmp_path):
    for i, (rate, channels, name) in enumerate([(44100, 2, 'x.aiff'), (8000, 1, 'x.mp3'), (44101, 1, 'x.wav'), (96000, 8, 'x.flac')]):
        sf.write(tmp_path/name, np.repeat(voice(1., rate)[:, None], channels, 1), rate)
        rc, out, err = convert(name, '-o', f'out{i}.wav', '--json')
        record = json.loads(out)
        assert rc == 0 and abs(record['samples']-16000) < 2500 and sf.info(tmp_path/f'out{i}.wav').samplerate == 16000, err   # MP3 pads
    assert convert('x.flac', '-o', 'r.wav', '--rate', '22050', '--channel', '7')[0] == 0 and sf.info(tmp_path/'r.wav').frames == 22050

def test_nothing_is_overwritten(convert, tmp_path):
    (tmp_path/'b.wav').write_bytes(b'mine')
    refused(convert('a.wav', '-o', 'b.wav'), 'b.wav: exists already')
    assert (tmp_path/'b.wav').read_bytes() == b'mine'
    rc, out, err = convert('a.wav', '-o', 'b.wav', '--skip-existing')
    assert rc == 0 and 'skipped' in out and (tmp_path/'b.wav').read_bytes() == b'mine'
    refused(convert('a.wav', '-o', 'b.wav', '--skip-existing', '--overwrite'), 'exclude each other')
    assert convert('a.wav', '-o', 'b.wav', '--overwrite')[0] == 0 and sf.info(tmp_path/'b.wav').frames == 16000

def test_bad_input_is_one_line_and_leaves_nothing(convert, tmp_path):
    raw = (tmp_path/'a.wav').read_bytes()
    def bad(name, content): (tmp_path/name).write_bytes(content); return name
    nan = voice().astype('float32'); nan[800] = np.nan
    sf.write(tmp_path/'nan.wav', nan, 16000, subtype='FLOAT'); sf.write(tmp_path/'silent.wav', np.zeros(16000), 16000); sf.write(tmp_path/'short.wav', voice()[:100], 16000)
    os.mkfifo(tmp_path/'pipe.wav'); (tmp_path/'zero.wav').symlink_to('/dev/zero'); (tmp_path/'gone.wav').symlink_to('nowhere'); (tmp_path/'folder.wav').mkdir()
    cases = [('b.wav', "did you mean 'a.wav'?"), (bad('empty.wav', b''), 'is empty'), (bad('head.wav', raw[:44]), '0 frames'), (bad('cut.wav', raw[:20]), 'not readable'), (bad('text.wav', b'once upon a time '*99), 'not readable'),
             (bad('rate.wav', raw[:24]+b'\1\0\0\0'+raw[28:]), 'sample rate of 1 Hz'), ('nan.wav', 'sample 800'), ('silent.wav', 'no speech'), ('short.wav', 'at least 100 ms'), ('pipe.wav', 'not a regular file'), ('zero.wav', 'not a regular file'),
             ('gone.wav', 'leads nowhere'), ('n'*300+'.wav', 'too long')]
    before = tree(tmp_path)
    for name, text in [cases[i] for i in (0, 1, 4, 6, 9, 10, 11, 12)]: refused(convert(name, '-o', 'out.wav', timeout=60), text)       # alone
    rc, out, err = convert(*[name for name, text in cases], 'a.wav', '-o', 'out', '--json', timeout=60)                                 # and together
    for record, (name, text) in zip(json.loads(out)['results'], cases): assert record['status'] == 'failed' and text in record['error'] and record['wall_seconds'] < 20, record
    assert rc == 3 and tree(tmp_path/'out') == ['a.wav', 'results.jsonl']
    shutil.rmtree(tmp_path/'out')
    refused(convert('folder.wav', '-o', 'out'), 'holds no sound files')
    for out, text in [('a.wav', 'also the source'), ('./folder.wav/../a.wav', 'also the source'), ('out.doc', 'names no sound format'), ('a.wav/out.wav', 'a.wav')]: assert text in convert('a.wav', '-o', out)[2]
    refused(convert('a.wav', '-o', 'out.wav', to='hihg'), "did you mean 'high'?; this model knows low, high")
    refused(convert('a.wav', '-o', 'out.wav', '--device', 'cuda:77'), 'cuda:77')
    refused(convert('a.wav', '-o', 'out.wav', '--rate', '5'), '5')
    assert tree(tmp_path) == before

def test_damage_is_repaired_and_said(convert, tmp_path):
    raw = (tmp_path/'a.wav').read_bytes(); (tmp_path/'half.wav').write_bytes(raw[:len(raw)//2])
    rc, out, err = convert('half.wav', '-o', 'out.wav', '--json')
    assert rc == 0 and 'was cut' in err and 'was cut' in json.loads(out)['warnings'][0]
    refused(convert('half.wav', '-o', 'strict.wav', '--strict'), 'was cut')
    assert not (tmp_path/'strict.wav').exists()

def test_bad_models(tmp_path, model):
    sf.write(tmp_path/'a.wav', voice(), 16000)
    def go(folder): return run('convert', 'a.wav', '--to', 'high', '-o', 'out.wav', '--model', folder, cwd=tmp_path)
    def copy(name, file, content):
        (tmp_path/name).mkdir()
        for p in model.iterdir(): (tmp_path/name/p.name).write_bytes(content(p.read_bytes()) if p.name == file else p.read_bytes())
        return name
    flip = lambda b: b[:-100]+bytes([b[-100] ^ 1])+b[-99:]
    (tmp_path/'none').mkdir()
    for folder in ('none', 'nowhere', 'a.wav', copy('flipped', 'model.safetensors', flip), copy('torn', 'model.safetensors', lambda b: b[:1000]), copy('pickle', 'model.safetensors', lambda b: b'\x80\x04\x95cos\nsystem\n'),
                   copy('config', 'config.json', lambda b: b.replace(b'"VAE"', b'"os.system"')), copy('json', 'config.json', lambda b: b[:50])):
        rc, out, err = go(folder)
        assert rc == 2 and err.count('\n') == 1 and not (tmp_path/'out.wav').exists(), (folder, rc, err)

def test_a_folder_with_a_bad_file(convert, tmp_path):
    for name in ('one.wav', 'p1/two.flac', 'p1/deep/three.ogg'): (tmp_path/'in'/name).parent.mkdir(parents=True, exist_ok=True); sf.write(tmp_path/'in'/name, voice(.6), 16000)
    (tmp_path/'in'/'p1'/'bad.wav').write_text('not a sound'); (tmp_path/'in'/'notes.txt').write_text('hello')
    rc, out, err = convert('in', '-o', 'out', '--json')
    report = json.loads(out)
    assert rc == 3 and (report['done'], report['failed'], report['skipped']) == (3, 1, 0) and err.count('bad.wav') >= 1
    assert tree(tmp_path/'out') == ['one.wav', 'p1', 'p1/deep', 'p1/deep/three.wav', 'p1/two.wav', 'results.jsonl']
    lines = [json.loads(l) for l in (tmp_path/'out'/'results.jsonl').read_text().splitlines()]
    assert [l['status'] for l in lines] == [r['status'] for r in report['results']] and sum('error' in l for l in lines) == 1
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path/'out').rglob('*') if p.is_file()}
    assert convert('in', '-o', 'out')[0] == 3 and all(p.stat().st_mtime_ns == s for p, s in stamps.items())           # all refused, none touched
    (tmp_path/'in'/'p1'/'bad.wav').unlink(); (tmp_path/'out'/'one.wav').unlink()
    rc, out, err = convert('in', '-o', 'out', '--skip-existing', '--json')
    assert rc == 0 and (json.loads(out)['done'], json.loads(out)['skipped']) == (1, 2)
    sf.write(tmp_path/'in'/'one.flac', voice(.6), 16000)
    refused(convert('in', '-o', 'other'), 'two sources'); assert not (tmp_path/'other').exists()
    refused(convert('in', '-o', 'in'), 'source folder')

def test_strange_names(convert, tmp_path):
    raw = (tmp_path/'a.wav').read_bytes(); (tmp_path/'in').mkdir()
    names = ['with space.wav', "quote's \"two\".wav", 'emoji 🎵.wav', 'line\nbreak.wav', '-leading.wav', os.fsdecode(b'caf\xe9.wav'), '{brace}.wav', '%d.wav']
    for n in names: (tmp_path/'in'/n).write_bytes(raw)
    rc, out, err = convert('in', '-o', 'out dir 🎵')
    assert rc == 0 and sorted(os.listdir(os.fsencode(tmp_path/'out dir 🎵'))) == sorted([*map(os.fsencode, names), b'results.jsonl']), err
    assert out.count('\n') == len(names)+1                                                                             # a line break in a name is escaped

def test_leading_dash_and_ascii_terminal(model, tmp_path):
    (tmp_path/'in').mkdir(); sf.write(tmp_path/'in'/'x.wav', voice(.6), 16000); os.rename(tmp_path/'in'/'x.wav', tmp_path/'-é.wav')
    rc, out, err = run('convert', '--model', model, '--to', 'low', '-o', 'ü.wav', '--', '-é.wav', cwd=tmp_path, env=dict(PYTHONIOENCODING='ascii'))
    assert rc == 0 and (tmp_path/'ü.wav').exists() and '\\xfc' in out, err

def test_no_home_no_cwd_of_ours(model, tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ('HOME', 'XDG_CACHE_HOME')}; sf.write(tmp_path/'a.wav', voice(.6), 16000)
    for home in (None, '/nonexistent'):
        e = env if home is None else {**env, 'HOME': home}
        done = subprocess.run([*PROGRAM, 'convert', 'a.wav', '--to', 'low', '-o', f'b{home is None}.wav', '--model', str(model)], cwd=tmp_path, env=e, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

def test_a_full_disk_leaves_nothing(convert, tmp_path):
    sf.write(tmp_path/'long.wav', voice(20.), 16000, subtype='PCM_U8'); before = tree(tmp_path)
    rc, out, err = convert('long.wav', '-o', 'out.wav', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)))
    assert rc in (1, 2) and err.count('\n') == 1 and tree(tmp_path) == before, (rc, err)

@pytest.mark.parametrize('number,code', [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_batch_keeps_what_is_done(model, tmp_path, number, code):
    (tmp_path/'in').mkdir()
    for i in range(40): sf.write(tmp_path/'in'/f'{i:02}.wav', voice(6.), 16000)
    p = subprocess.Popen([*PROGRAM, 'convert', 'in', '--to', 'low', '-o', 'out', '--model', str(model)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))    # a shell's background job inherits an ignored SIGINT
    while not list((tmp_path/'out').glob('[!.]*.wav')) and p.poll() is None: time.sleep(.05)
    p.send_signal(number); out, err = p.communicate(timeout=60)
    assert p.returncode == code and err.count('\n') == 1 and 'Traceback' not in err, err
    done = sorted((tmp_path/'out').glob('[!.]*.wav')); lines = (tmp_path/'out'/'results.jsonl').read_text().splitlines()
    assert 0 < len(done) < 40 and len(lines) == len(done) and not list((tmp_path/'out').glob('.*'))
    assert all(sf.info(f).frames == 96000 for f in done)

def test_json_is_one_document(convert, tmp_path):
    for args in (['a.wav', '-o', 'b.wav'], ['a.wav', '-o', 'b.wav'], ['x.wav', '-o', 'y.wav'], ['a.wav'], ['a.wav', '-o', 'c.wav', '--frobnicate']):
        rc, out, err = convert(*args, '--json')
        document = json.loads(out); assert document['status'] == ('done' if rc == 0 else 'failed') and (rc == 0 or document['exit_code'] == rc)

def test_quiet_says_nothing_and_verbose_shows_the_traceback(model, tmp_path):
    sf.write(tmp_path/'a.wav', voice(), 16000); args = ['convert', 'a.wav', '--to', 'low', '-o', 'b.wav', '--model', model]
    assert run(*args, '-q', cwd=tmp_path) == (0, '', '')
    done = subprocess.run([*PROGRAM, *map(str, args), '-v'], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and 'Traceback' in done.stderr

def test_two_at_once(model, tmp_path):
    (tmp_path/'in').mkdir()
    for i in range(3): sf.write(tmp_path/'in'/f'{i}.wav', voice(), 16000)
    both = [subprocess.Popen([*PROGRAM, 'convert', 'in', '--to', 'low', '-o', 'out', '--overwrite', '--model', str(model)], cwd=tmp_path, stderr=subprocess.PIPE) for _ in range(2)]
    assert [p.wait(120) for p in both] == [0, 0] and all(sf.info(tmp_path/'out'/f'{i}.wav').frames == 16000 for i in range(3))

def test_lists_and_doctor(model, tmp_path):
    assert run('speakers', '--model', model, cwd=tmp_path)[:2] == (0, 'low\nhigh\n')
    rc, out, err = run('doctor', '--json', cwd=tmp_path)
    report = json.loads(out); names = {f['name']: f for f in report['findings']}
    assert rc == 0 and report['healthy'] and names['torch']['status'] == 'ok' and all(f['remedy'] for f in report['findings'] if f['status'] != 'ok')
    assert 'vae' in {r['name'] for r in json.loads(run('recipes', '--json', cwd=tmp_path)[1])['recipes']}

def test_bundled_voices(tmp_path):
    rc, out, err = run('speakers', '--json', cwd=tmp_path)
    if rc: pytest.skip('no weights are bundled in this tree')
    names = json.loads(out)['speakers']; assert {'slt', 'bdl'} <= set(names)
    sf.write(tmp_path/'a.wav', voice(2.), 44100)
    assert run('convert', 'a.wav', '--to', 'slt', '-o', 'out.wav', cwd=tmp_path)[0] == 0 and (tmp_path/'out.wav').exists()

def test_training_is_refused_before_a_kernel_starts(tmp_path):
    (tmp_path/'empty').mkdir()
    for args, text in [(['vea'], 'recipes:'), (['vae', 'hiden=3'], "did you mean 'hidden'?"), (['vae', 'beta=much'], 'beta'), (['vae', 'learning_rate=-1'], 'learning_rate'), (['vae', '--preset', 'smal'], 'small'),
                       (['vae', 'hidden'], 'key=value'), (['vae', 'max_steps=1e400'], 'max_steps'), (['vae', '--data', 'gone'], 'no such folder'), (['vae', '--data', 'empty'], 'no sound files')]:
        refused(run('train', *args, cwd=tmp_path), text)
    assert tree(tmp_path) == ['empty']

def test_systems_and_mixtures(convert, model, tmp_path):
    refused(convert('a.wav', '-o', 'b.wav', '--system', 'vqvea'), "did you mean 'vqvae'?")
    refused(convert('a.wav', '-o', 'b.wav', '--system', 'cyclegan'), "holds the system 'vae', not 'cyclegan'")
    refused(convert('a.wav', '-o', 'b.wav', to='high=1,lwo=1'), "did you mean 'low'?")
    rc, out, err = convert('a.wav', '-o', 'b.wav', '--system', 'vae', to='high=1,low=1')
    assert rc == 0 and 'high and low' in out, err
    assert run('speakers', '--system', 'vae', '--model', model, cwd=tmp_path)[1].split() == ['low', 'high']

def test_compare_refuses(tmp_path):
    (tmp_path/'p.csv').write_text('from,to\na.wav,slt\n'); (tmp_path/'full').mkdir(); (tmp_path/'full'/'comparison.csv').write_text('')
    refused(run('compare', 'p.csv', '-o', 'out', cwd=tmp_path), 'needs the columns source and to')
    refused(run('compare', 'p.csv', '-m', 'a=nowhere', '-o', 'out', cwd=tmp_path), 'neither a folder nor a bundled model')
    refused(run('compare', 'p.csv', '-o', 'full', cwd=tmp_path), 'holds a comparison already')
    assert tree(tmp_path) == ['full', 'full/comparison.csv', 'p.csv']
