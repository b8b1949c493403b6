"Sweeps on a scheduler and workers that run beside, and on a cluster of their own: how runs end, what is done again, what is refused."
import json, os, signal, subprocess, sys, time
import pytest

PYTHON = sys.executable
RECIPE = """
import json, os, signal, sys, time
from pathlib import Path
from audiostyle.core.errors import DivergedError
run = Path(run_dir); first = not (run/'tried').exists(); (run/'tried').touch()
if how == 'killed' and first: os.kill(os.getpid(), signal.SIGKILL)
if how == 'worker' and first: os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)
if how == 'deadly': os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)
if how == 'left' and first: sys.exit(0)
if how == 'slow' and first: time.sleep(100)
if how == 'diverges': raise DivergedError('step 3: the loss is nan', remedy='lower the learning rate')
json.dump(dict(score=dict(name='loss', value=rate+seed/100, better='lower'), threads=int(os.environ['OMP_NUM_THREADS'])), open(run/'result.json', 'w'))"""

@pytest.fixture(scope='module')
def place(tmp_path_factory):
    "A folder with one recipe, and the environment in which it is found"
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook
    root = tmp_path_factory.mktemp('a sweep'); (root/'recipes').mkdir()
    cells = [new_code_cell("how = 'well'\nrate = 0.5\nsettings = [1]\nseed = 0\nrun_dir = 'runs/x'", metadata={'tags': ['parameters']}), new_code_cell(RECIPE)]
    nbformat.write(new_notebook(cells=cells, metadata={'kernelspec': {'name': 'python3', 'display_name': 'python3', 'language': 'python'}}), root/'recipes'/'toy.ipynb')
    return root, {**os.environ, 'AUDIOSTYLE_RECIPES': str(root/'recipes'), 'HOME': str(root), 'OMP_NUM_THREADS': '1'}

def start(place, *args, session=False):
    root, env = place
    return subprocess.Popen([PYTHON, '-c', 'import sys; from audiostyle.studio.cli import main; sys.exit(main())', 'sweep', 'toy', *map(str, args)], cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=session,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))    # a shell's background job inherits an ignored SIGINT

def sweep(place, *args, limit=150):
    "Exit code, standard output, standard error"
    p = start(place, *args)
    try: out, err = p.communicate(timeout=limit)
    finally: p.kill()
    return p.returncode, out, err

@pytest.fixture(scope='module')
def cluster(place):
    "Address of a scheduler with two workers, each a process of its own; the environment knows no recipes"
    root, env = place; env = {k: v for k, v in env.items() if k != 'AUDIOSTYLE_RECIPES'}; running = []
    def run(*args): running.append(subprocess.Popen([PYTHON, '-m', *args], cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    try:
        run('distributed.cli.dask_scheduler', '--host', '127.0.0.1', '--port', '0', '--dashboard-address', '127.0.0.1:0', '--scheduler-file', str(root/'scheduler.json'))
        limit = time.time()+60
        while not (root/'scheduler.json').exists() and time.time() < limit: time.sleep(.2)
        address = json.loads((root/'scheduler.json').read_text())['address']
        for i in range(2): run('distributed.cli.dask_worker', address, '--host', '127.0.0.1', '--nthreads', '1', '--name', f'w{i}', '--no-dashboard', '--local-directory', str(root/f'w{i}'))
        from distributed import Client
        with Client(address, set_as_default=False) as c: c.wait_for_workers(2, timeout=60)
        yield address
    finally:
        for p in reversed(running): p.terminate()
        for p in running:
            try: p.wait(3)
            except subprocess.TimeoutExpired: p.kill(); p.wait()

@pytest.mark.slow
def test_two_workers_beside(place, cluster):
    "Every way to end, told for what it is; the rest goes on; the same words again do the rest only"
    root, _ = place; args = ('how=well,killed,worker,left,diverges,slow', '--seeds', '0,1', '--scheduler', cluster, '--run-dir', 'beside', '--timeout', 20)
    code, out, err = sweep(place, *args)
    report = json.loads((root/'beside'/'sweep.json').read_text()); status = {}
    for r in report['runs']: status.setdefault(r['settings']['how'], []).append(r['status'])
    assert status == {'well': ['done']*2, 'killed': ['crashed']*2, 'worker': ['done']*2, 'left': ['incomplete']*2, 'diverges': ['diverged']*2, 'slow': ['timeout']*2}, err
    assert code == 3 and 'Traceback' not in err and '12 runs: 6 settings, 2 seeds' in out
    assert len({r['worker'] for r in report['runs']}) >= 2                          # both worked
    at = {p: p.stat().st_mtime_ns for p in (root/'beside').glob('*/result.json')}; assert len(at) == 4
    code, out, err = sweep(place, *args, '--json')
    again = json.loads(out); assert code == 3 and again['counts'] == {'done': 10, 'diverged': 2}, err
    assert all(p.stat().st_mtime_ns == t for p, t in at.items()) and 'how=well-seed0: ' not in err
    assert (root/'beside'/'sweep.png').stat().st_size > 5000 and len((root/'beside'/'runs.csv').read_text().splitlines()) == 13

def test_a_cluster_of_its_own(place):
    "Worker processes of this machine; the threads are shared; a run that takes its worker down each time has crashed"
    root, _ = place
    code, out, err = sweep(place, 'rate=0.1,1', '--seeds', '0,1', '--jobs', 2, '--run-dir', 'own', '--json')
    report = json.loads(out); assert (code, report['counts'], report['metric']) == (0, {'done': 4}, 'loss') and 'Traceback' not in err
    from dask.system import CPU_COUNT
    assert {r['numbers']['threads'] for r in report['runs']} == {max(1, CPU_COUNT//2)}
    mean = {r['rate']: r['loss']['mean'] for r in json.loads((root/'own'/'sweep.json').read_text())['summary']}; assert mean == pytest.approx({'0.1': .105, '1': 1.005})
    code, out, err = sweep(place, 'rate=1,0.1', '--seeds', '1', '--run-dir', 'own'); assert code == 0 and '2 done already' in out and '0.11' in out, err
    code, out, err = sweep(place, 'how=deadly,well', '--jobs', 1, '--run-dir', 'deadly')
    assert code == 3 and 'how=deadly-seed0: crashed: the worker process died' in out and 'how=well-seed0: done' in out, err

def test_interrupted(place):
    "Ctrl-C in a terminal goes to all: what runs is told so, what waits waits, no kernel is left, and the same words go on"
    import psutil
    root, env = place; args = ('how=slow', '--seeds', '0,1,2', '--jobs', '2', '--run-dir', 'cut')
    p = start(place, *args, session=True); limit = time.time()+200
    while len(list((root/'cut').glob('*/tried'))) < 2 and time.time() < limit: time.sleep(.2)
    family = psutil.Process(p.pid).children(recursive=True); os.killpg(p.pid, signal.SIGINT); out, err = p.communicate(timeout=200)
    assert p.returncode == 130 and 'Traceback' not in err and err.strip().endswith('0 of 3 runs are done; the same command goes on'), err
    report = json.loads((root/'cut'/'sweep.json').read_text()); assert report['status'] == 'interrupted' and report['counts'] == {'interrupted': 2, 'waiting': 1}
    assert [json.loads(f.read_text())['status'] for f in (root/'cut').glob('*/status.json')] == ['interrupted']*2
    gone, alive = psutil.wait_procs(family, timeout=20); assert not alive
    code, out, err = sweep(place, *args[:2], '0,1', *args[3:]); assert code == 0 and 'done 2' in out, err

REFUSED = {'unknown name': (['rat=1'], "did you mean 'rate'?"), 'wrong type': (['rate=0.1,fast'], "'rate' must be like 0.5"), 'null': (['rate=null'], 'must be like'), 'too large': (['rate=1e400'], 'must be like'), 'no list': (['settings=1,2'], 'must be like'),
    'the same twice': (['rate=1,1.0'], 'same run'), 'a lone quote': (['how="a,b'], 'without its partner'), 'no value': (['rate'], 'key=value,value'), 'seeds': (['--seeds', '0,x'], '0,1,2'), 'another folder': (['--run-dir', 'recipes'], 'holds no sweep'),
    'a file': (['--run-dir', 'recipes/toy.ipynb'], 'is a file'), 'address': (['--scheduler', 'nowhere'], 'no address'), 'nobody there': (['--scheduler', 'tcp://127.0.0.1:1'], 'no scheduler answers')}

@pytest.mark.parametrize('case', REFUSED)
def test_refused_before_anything_is_written(place, case):
    root, _ = place; args, text = REFUSED[case]; before = sorted(root.rglob('*')); began = time.time()
    code, out, err = sweep(place, *args, limit=60)
    assert code == 2 and text in err and err.count('\n') == 1 and not out.strip().count('\n') and sorted(root.rglob('*')) == before
    assert time.time()-began < 60 and ';' in err                                         # a remedy is named, nothing hangs

def test_other_parameters_are_refused(place):
    root, _ = place; run = root/'other'/'rate=1-seed0'; run.mkdir(parents=True); (root/'other'/'sweep.json').write_text('{"recipe": "toy"}')
    (run/'status.json').write_text(json.dumps(dict(recipe='toy', status='done', parameters=dict(how='killed', rate=1, settings=[1], seed=0)))); (run/'result.json').write_text('{}')
    code, out, err = sweep(place, 'rate=1', '--run-dir', 'other'); assert code == 2 and "how='killed', not 'well'" in err and err.count('\n') == 1
    (root/'other'/'sweep.json').write_text('{"recipe": "vae"}'); code, out, err = sweep(place, 'rate=1', '--run-dir', 'other'); assert code == 2 and "of the recipe 'vae'" in err
