"What befalls a long training: kills, full and failing disks, rivals for its folder, signals, a clock that is wrong. Each time: one line, nothing lost, and the same bits after it goes on."
import errno, json, os, random, signal, subprocess, sys, time
from pathlib import Path
import numpy as np, pytest, torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import kills
from benchmarks.kills import State, batch, bits, child, state, update
from audiostyle.core.errors import CheckpointError, StorageError
from audiostyle.train.loop import fit, make_fabric
from audiostyle.train.state import FORMAT, checkpoints, latest_checkpoint, load_checkpoint, _seal
from audiostyle.train.track import read_metrics

PROGRAM = [sys.executable, '-c', 'import sys; from audiostyle.studio.cli import main; sys.exit(main())']

@pytest.fixture(autouse=True)
def one_thread():
    "Bits are compared across processes, and sums depend on the number of threads"
    before = torch.get_num_threads(); make_fabric('cpu'); torch.set_num_threads(1); yield; torch.set_num_threads(before)

def train(folder, steps=20, update=update, **options):
    return fit(state(), update, batch, steps, folder, fabric=make_fabric('cpu'), **{**dict(checkpoint_every=5, log_every=1, progress=False), **options})

def same(a, b): return a.step == b.step and all(torch.equal(x, y) for x, y in zip(bits(a), bits(b), strict=True))
def losses(folder): return [(r['step'], r['train/loss']) for r in read_metrics(folder)]
def temporary(folder): return [p.name for p in Path(folder).rglob('*') if '.tmp-' in p.name]

@pytest.fixture(scope='module')
def untouched(tmp_path_factory):
    "A run of 20 steps that nobody touched: its state and its losses"
    torch.set_num_threads(1); folder = tmp_path_factory.mktemp('untouched')
    return train(folder), losses(folder)

# ---- kills

def test_killed_at_random_and_at_every_point_of_saving(tmp_path):
    good, steps = kills.campaign(tmp_path, 12, seed=1)
    assert good == 12, steps
    assert kills.verify(tmp_path)

def order_of_samples(folder, resumes):
    "Batches that reach the update of a real VAE training, interrupted at the given steps; losses and parameters"
    from audiostyle.signal.world import cepstrum_to_log_envelope
    from audiostyle.voice.vae import make_state, small, update_vae
    from audiostyle.voice.vae_converter import FrameBatchesVAE
    def invented(seed, tilt, pitch, t=200):
        rng = np.random.default_rng(seed); c = rng.normal(size=(t//8, 41)).repeat(8, 0)*.3/(1+np.arange(41)); c[:, 0] = -3; c[:, 1] += tilt
        return dict(f0=np.where(np.arange(t)%100 < 70, pitch, 0).astype(np.float32), log_sp=cepstrum_to_log_envelope(c), bap=np.full((t, 1), -10., np.float32))
    settings = small(hidden=16, latent=4, batch_size=32); data = FrameBatchesVAE({'a': [invented(0, .2, 120.)], 'b': [invented(1, -.2, 220.)]}, settings)
    seen = {}
    def watched(fabric, s, b): seen[s.step] = (b['x'].clone(), b['speaker'].clone()); return update_vae(fabric, s, b)
    class Broken(Exception): pass
    for stop in [*resumes, 40]:
        def drawn(k):
            if k == stop: raise Broken
            return data.batch(k)
        s = make_state(settings, 2)
        try: s = fit(s, watched, drawn, 40, folder, fabric=make_fabric('cpu'), checkpoint_every=7, log_every=1, settings=settings, clip_norm=50., progress=False)
        except Broken: pass
    return seen, [tuple(r[k] for k in sorted(r) if k != 'seconds') for r in read_metrics(folder)], s.vae.state_dict(), s.optimiser.state_dict()['state']

def test_a_vae_resumes_in_the_same_bits(tmp_path):
    (tmp_path/'a').mkdir(); (tmp_path/'b').mkdir()
    whole, broken = order_of_samples(tmp_path/'a', []), order_of_samples(tmp_path/'b', [9, 9, 23, 38])
    assert list(whole[0]) == sorted(broken[0]) == list(range(40)) and all(torch.equal(x, y) for k in whole[0] for x, y in zip(whole[0][k], broken[0][k]))
    assert whole[1] == broken[1] and len(whole[1]) == 40
    assert all(torch.equal(v, broken[2][k]) for k, v in whole[2].items())
    assert all(torch.equal(torch.as_tensor(v), torch.as_tensor(broken[3][p][k])) for p, m in whole[3].items() for k, v in m.items())

# ---- the disk

@pytest.fixture
def small_disk(tmp_path):
    "A disk of one megabyte"
    disk = tmp_path/'disk'; disk.mkdir()
    if os.name == 'nt' or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'audiostyle-test', disk], capture_output=True).returncode: pytest.skip('this user may not mount a disk')
    yield disk
    subprocess.run(['umount', '-l', disk], capture_output=True)

def ballast(disk, left):
    "Fill the disk up to `left` bytes"
    free = os.statvfs(disk); (disk/'ballast').write_bytes(b'\0'*max(0, free.f_bavail*free.f_frsize-left)); return disk/'ballast'

@pytest.mark.parametrize('left', [0, 4096, 12288])
def test_a_full_disk(small_disk, untouched, left):
    run = small_disk/'run'; train(run, 10); before = latest_checkpoint(run)
    def filling(fabric, s, b):
        if s.step == 12: ballast(small_disk, left)
        return update(fabric, s, b)
    with pytest.raises(StorageError) as refusal: train(run, update=filling)
    assert refusal.value.exit_code == 1 and str(refusal.value).startswith(str(run)) and 'the disk is full; free some space' in str(refusal.value) and '\n' not in str(refusal.value)
    assert latest_checkpoint(run) == before and not temporary(run) and load_checkpoint(before, state())['step'] == 10
    (small_disk/'ballast').unlink(); finished = train(run)
    assert same(finished, untouched[0]) and losses(run) == untouched[1]

def test_a_full_disk_on_the_command_line(small_disk):
    ballast(small_disk, 4096)
    done = subprocess.run([*PROGRAM, 'train', 'vae', '--max-steps', '3', '--run-dir', str(small_disk/'run')], cwd=small_disk, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith('audiostyle: ') and 'the disk is full' in done.stderr.splitlines()[-1] and 'Traceback' not in done.stderr, done

@pytest.mark.parametrize('code,words', [(errno.EIO, 'the disk reports an input/output error'), (errno.EROFS, 'the disk is read-only'), (errno.EDQUOT, 'the disk quota is used up')])
@pytest.mark.parametrize('name', ['fsync', 'replace', 'rename', 'mkdir'])
def test_a_failing_disk(tmp_path, monkeypatch, untouched, code, words, name):
    "From step 12 on the disk refuses; what was there stays, and the training ends with one sentence"
    real, broken = getattr(os, name), [False]
    def refusing(*args, **kwargs):
        if broken[0]: raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)
    monkeypatch.setattr(os, name, refusing)
    def failing(fabric, s, b): broken[0] = s.step >= 12; return update(fabric, s, b)
    with pytest.raises(StorageError) as refusal: train(tmp_path/'run', update=failing)
    assert words in str(refusal.value) and refusal.value.remedy and '\n' not in str(refusal.value)
    broken[0] = False
    assert latest_checkpoint(tmp_path/'run').name == 'step-000010' and [s for s, _ in losses(tmp_path/'run')] == list(range(1, 16))
    assert same(train(tmp_path/'run'), untouched[0]) and losses(tmp_path/'run') == untouched[1] and not temporary(tmp_path/'run')

def test_metrics_that_cannot_be_written(tmp_path):
    "The row that fails ends the training with one sentence; those before it can be read"
    class Full:
        def __init__(self, file): self.file = file
        def __getattr__(self, name): return getattr(self.file, name)
        def write(self, text): raise OSError(errno.EIO, 'Input/output error')
    from audiostyle.train.track import Tracker
    tracker = Tracker(tmp_path)
    def failing(fabric, s, b):
        if s.step == 12: tracker.file = Full(tracker.file)
        return update(fabric, s, b)
    with pytest.raises(StorageError, match='metrics.jsonl: the disk reports'): train(tmp_path, update=failing, tracker=tracker)
    assert [s for s, _ in losses(tmp_path)] == list(range(1, 13)) and latest_checkpoint(tmp_path).name == 'step-000010'

# ---- rivals and signals

def lasting(folder): train(folder, 10**9, checkpoint_every=1)

def wait_for(folder, step, process):
    limit = time.time()+60
    while kills.newest(folder) < step and process.is_alive() and time.time() < limit: time.sleep(.01)
    assert process.is_alive()

def test_two_trainings_in_one_folder(tmp_path):
    p = child(lasting, tmp_path); wait_for(tmp_path, 2, p)
    with pytest.raises(ValueError) as refusal: train(tmp_path, 5)
    assert 'is in use by another process' in str(refusal.value) and str(tmp_path) in str(refusal.value) and refusal.value.exit_code == 2
    os.kill(p.pid, signal.SIGKILL); p.join()
    train(tmp_path, kills.newest(tmp_path)+2)                                      # the lock of a dead process holds nobody back

@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_saving(tmp_path, number):
    "It waits for the saving to end; the training ends as the signal demands, with everything whole"
    ended = tmp_path/'ended'
    def signalled():
        signal.signal(signal.SIGINT, signal.default_int_handler)                  # a shell's background job inherits that it is ignored
        real, sent = os.fsync, []
        def fsync(fd):
            if list((tmp_path/'run').glob('.step-000010*')) and not sent: sent.append(1); os.kill(os.getpid(), number)
            return real(fd)
        os.fsync = fsync
        try: train(tmp_path/'run', 10**9)
        except BaseException as e: ended.write_text(f'{type(e).__name__} {getattr(e, "code", "")}')
    p = child(signalled); p.join(60)
    assert not p.is_alive() and ended.read_text().split() == (['KeyboardInterrupt'] if number == signal.SIGINT else ['SystemExit', '143'])
    whole = latest_checkpoint(tmp_path/'run'); assert whole == checkpoints(tmp_path/'run')[0] and not temporary(tmp_path/'run') and int(whole.name[5:]) >= 10

def test_a_signal_while_evaluating(tmp_path, untouched):
    def on_eval(s):
        if s.step == 10: os.kill(os.getpid(), signal.SIGTERM)
        return {'eval/x': 1.}
    with pytest.raises(SystemExit) as end: train(tmp_path, on_eval=on_eval, every=10)
    assert end.value.code == 143 and latest_checkpoint(tmp_path).name == 'step-000010'
    assert same(train(tmp_path), untouched[0])

@pytest.mark.slow
def test_a_cluster_wants_its_machine_back(tmp_path):
    "SIGTERM to `audiostyle train`: a checkpoint, exit code 143, and the same command goes on from there"
    command = [*PROGRAM, 'train', 'vae', 'max_speakers=2', 'eval_pairs=1', 'hidden=16', '--max-steps', '100000', '--run-dir', 'run']
    p = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit, metrics = time.time()+240, tmp_path/'run'/'metrics.jsonl'
    while time.time() < limit and p.poll() is None and not (metrics.exists() and metrics.stat().st_size > 2000): time.sleep(.2)
    p.send_signal(signal.SIGTERM); out, err = p.communicate(timeout=120)
    assert p.returncode == 143 and 'Traceback' not in err and 'goes on from the newest checkpoint' in err.splitlines()[-1], err
    left = latest_checkpoint(tmp_path/'run'); assert left is not None and json.loads((tmp_path/'run'/'status.json').read_text())['status'] == 'interrupted'
    steps = int(left.name[5:]); command[command.index('100000')] = str(steps+5)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert [r['step'] for r in read_metrics(tmp_path/'run')][-1] == steps+5

# ---- the clock, and other versions

def test_a_clock_that_is_wrong(tmp_path):
    train(tmp_path, 15, keep=5); folders = checkpoints(tmp_path); assert [p.name for p in folders] == ['step-000015', 'step-000010', 'step-000005']
    for i, p in enumerate(folders): os.utime(p, (10**9*(i > 0), 10**9*(i > 0)))                  # the newest is the oldest by its date, the others are equally old
    assert latest_checkpoint(tmp_path) == folders[0] and checkpoints(tmp_path) == folders
    finished = train(tmp_path, 20); assert finished.step == 20

def test_a_checkpoint_of_a_newer_version(tmp_path):
    train(tmp_path, 10); newest = checkpoints(tmp_path)[0]
    record = json.loads((newest/'state.json').read_text())
    from audiostyle.core.config import fingerprint
    record = {**{k: v for k, v in record.items() if k != 'seal'}, 'format': FORMAT+1, 'audiostyle': '9.9'}; (newest/'state.json').write_text(json.dumps({**record, 'seal': fingerprint(record)}))
    with pytest.raises(CheckpointError) as refusal: train(tmp_path)
    assert f'format {FORMAT+1} was written by audiostyle 9.9, this is ' in str(refusal.value) and f'reads up to {FORMAT}' in str(refusal.value) and 'upgrade' in str(refusal.value)
    assert checkpoints(tmp_path)[0] == newest                                      # nobody continued from the older one
