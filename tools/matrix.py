"""The wheel in environments of its own: what `pip install audiostyle` gives, with and without extras, with the oldest versions that settings.ini allows, with the newest.

    python tools/matrix.py                      # all of them, in a temporary folder: downloads a few GB
    python tools/matrix.py oldest --at FOLDER   # one, kept for a second look

Each environment is made by uv from names and versions alone. In each: every module is imported, the doctor is asked, a sentence is converted by the bundled model,
the recipe `vae` is trained for 20 steps, and the generated tests of the lower floors are run against the installed package."""
import argparse, json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ['pytest', 'pytest-timeout', 'pytest-socket', 'pytest-xdist', 'fastcore<2']
ENVIRONMENTS = {                                                                           # extras, other packages, how uv resolves
    'bare':       ('', [], ['--constraint', 'requirements.lock'], 'what pip install audiostyle gives: torch, no extra, no torchaudio'),
    'extras':     ('[world,synth]', [], ['--constraint', 'requirements.lock'], 'with the vocoder and the synthetic voices'),
    'torchaudio': ('[world,synth]', ['torchaudio'], ['--constraint', 'requirements.lock'], 'with torchaudio beside torch'),
    'oldest':     ('[world,synth]', [], ['--resolution', 'lowest-direct'], 'the lowest version of every requirement'),
    'newest':     ('[world,synth]', [], [], 'the highest versions there are today'),
}
MODULES = '''
import importlib, pkgutil, sys, audiostyle
assert 'site-packages' in audiostyle.__file__, audiostyle.__file__
for m in pkgutil.walk_packages(audiostyle.__path__, 'audiostyle.'): importlib.import_module(m.name)
print(sum(1 for _ in pkgutil.walk_packages(audiostyle.__path__)), 'packages')
'''
SPEECH = '''
import numpy as np, soundfile as sf, sys
t = np.arange(32000)/16000; f0 = 120+30*np.sin(6*t); pulse = (np.diff(np.floor(np.cumsum(f0)/16000), prepend=0) > 0).astype(float)
y = np.convolve(pulse, np.exp(-np.arange(200)/25)*np.cos(2*np.pi*600*np.arange(200)/16000))[:len(t)]; sf.write(sys.argv[1], .5*y/abs(y).max(), 16000)
'''
FLOORS = ('core', 'signal', 'losses', 'train_state', 'train_track', 'data_manifest', 'pipelines_batch')

def run(command, cwd, env, seconds=1800):
    "Exit code and output."
    try: done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired: return 124, 'took too long'
    return done.returncode, done.stdout+done.stderr

def build(at):
    "A wheel of a copy of the tree."
    tree = at/'tree'; shutil.rmtree(tree, ignore_errors=True); (tree/'nbs').mkdir(parents=True)
    for f in ('settings.ini', 'setup.py', 'MANIFEST.in', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff', 'pytest.ini'): shutil.copy(ROOT/f, tree)
    for f in ('audiostyle', 'nbs/85_recipes', 'tests', 'tools'): shutil.copytree(ROOT/f, tree/f, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.rmtree(at/'dist', ignore_errors=True); code, said = run([sys.executable, '-m', 'build', '--no-isolation', '--wheel', '--outdir', at/'dist', tree], at, os.environ)
    if code: raise SystemExit(said[-3000:])
    return next((at/'dist').glob('*.whl'))

def needs(wheel, extras):
    "What a wheel requires with these extras, as its metadata says."
    import zipfile
    from email.parser import Parser
    from packaging.requirements import Requirement
    with zipfile.ZipFile(wheel) as z: text = z.read(next(n for n in z.namelist() if n.endswith('METADATA'))).decode()
    all_of, names = [Requirement(r) for r in Parser().parsestr(text).get_all('Requires-Dist')], extras.strip('[]').split(',')
    return [f'{r.name}{r.specifier}' for r in all_of if r.marker is None or any(r.marker.evaluate({'extra': e}) for e in names)]

def make(name, wheel, at):
    "An environment with the wheel in it: its bin folder, or what went wrong."
    extras, more, how, _ = ENVIRONMENTS[name]; venv = at/name; uv = Path(sys.executable).with_name('uv')
    if not (venv/'bin'/'python').exists(): run([uv, 'venv', '--quiet', '--python', sys.executable, venv], at, os.environ)
    how = [str(ROOT/h) if h.endswith('.lock') else h for h in how]; env = {**os.environ, 'VIRTUAL_ENV': str(venv), 'UV_HTTP_TIMEOUT': '600'}
    for what in ([*how, *needs(wheel, extras), *more], ['--no-deps', '--reinstall-package', 'audiostyle', wheel], TOOLS):      # first what it needs, by name, so that `lowest-direct` means these
        code, said = run([uv, 'pip', 'install', '--quiet', *what], at, env)
        if code: return None, said
    return venv/'bin', ''

def versions(bin):
    code, said = run([bin/'python', '-c', "from importlib.metadata import version, PackageNotFoundError\nfor n in ('torch','torchaudio','lightning','numpy','scipy','librosa','soundfile','typer','papermill','pyworld'):\n    try: print(n, version(n), end='  ')\n    except PackageNotFoundError: pass"], '/', os.environ); return said.strip()

def checks(bin, tree, bare):
    "Name, verdict and what was said of each check."
    env = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'AUDIOSTYLE_RECIPES')}; env.update(PATH=f"{bin}{os.pathsep}{env['PATH']}", VIRTUAL_ENV=str(bin.parent), OMP_NUM_THREADS='2')
    with tempfile.TemporaryDirectory() as d:
        def ask(name, *command, wanted=0, words=''): start = time.time(); code, said = run(command, d, env); return name, code == wanted and words in said, time.time()-start, said
        yield ask('imports', bin/'python', '-W', 'error::SyntaxWarning', '-c', MODULES)
        yield ask('doctor', bin/'audiostyle', 'doctor', words='the core works')
        run([bin/'python', '-c', SPEECH, 'in.wav'], d, env)
        if bare: yield ask('convert', bin/'audiostyle', 'convert', 'in.wav', '--to', 'slt', '-o', 'out.wav', wanted=2, words='audiostyle[world]'); return
        yield ask('convert', bin/'audiostyle', 'convert', 'in.wav', '--to', 'slt', '-o', 'out.wav')
        yield ask('train', bin/'audiostyle', 'train', 'vae', '--max-steps', '20', '--run-dir', 'run', words='executed')
        tests = sorted(p for p in (tree/'tests').glob('test_*.py') if p.name.startswith(tuple(f'test_{f}' for f in FLOORS)))
        yield ask('tests', bin/'python', '-P', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-c', tree/'pytest.ini', '--rootdir', tree, '--durations=0', '-k', 'not torchaudio', '-n', '2', '--dist', 'loadgroup', *tests)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('names', nargs='*', metavar='NAME', help=', '.join(ENVIRONMENTS)); p.add_argument('--at', type=Path, help='folder to keep the environments in'); a = p.parse_args()
    for n in a.names: n in ENVIRONMENTS or p.error(f'no environment {n!r}; there are {", ".join(ENVIRONMENTS)}')
    with tempfile.TemporaryDirectory(prefix='audiostyle-matrix-') as d:
        at = (a.at or Path(d)).resolve(); at.mkdir(parents=True, exist_ok=True); wheel, bad = build(at), 0
        for name in a.names or ENVIRONMENTS:
            start = time.time(); bin, said = make(name, wheel, at); print(f'\n{name}: {ENVIRONMENTS[name][3]}', flush=True)
            if bin is None: bad += 1; print(f'  cannot be made: {said[-2000:]}'); continue
            print(f'  made in {time.time()-start:.0f} s: {versions(bin)}', flush=True)
            for check, ok, seconds, said in checks(bin, at/'tree', name == 'bare'):
                last = said.strip().splitlines()[-1] if said.strip() else ''; bad += not ok
                print(f"  {'ok    ' if ok else 'FAILED'} {check:8s} {seconds:6.1f} s  {last[:150]}", flush=True)
                if not ok: (at/f'{name}-{check}.log').write_text(said); print('\n'.join('      '+l for l in said.strip().splitlines()[-25:]), flush=True)
            if a.at is None: shutil.rmtree(at/name, ignore_errors=True)
    return 1 if bad else 0

if __name__ == '__main__': sys.exit(main())
