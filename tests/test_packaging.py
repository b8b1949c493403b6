"What happens where a package is missing, broken or of another version, and that nothing reaches for the network. Packages are hidden from child processes, not removed."
import json, os, subprocess, sys
import pytest

HIDE = '''
import os, runpy, sys
from importlib.machinery import ModuleSpec, PathFinder
absent, broken = (set(filter(None, os.environ.get(k, '').split(','))) for k in ('TEST_ABSENT', 'TEST_BROKEN'))
class Fails:
    def create_module(self, spec): raise OSError(f'lib{spec.name}.so.1: cannot open shared object file')
    def exec_module(self, module): pass
class Hidden:
    "The finder of installed packages, blind to some and mistaken about others; their metadata are hidden, too."
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition('.')[0]
        return None if top in absent else ModuleSpec(name, Fails()) if top in broken else PathFinder.find_spec(name, path, target)
    @staticmethod
    def find_distributions(*args, **kwargs): return (d for d in PathFinder.find_distributions(*args, **kwargs) if (d.metadata['Name'] or '').replace('-', '_') not in absent)
    invalidate_caches = staticmethod(PathFinder.invalidate_caches)
sys.meta_path[:] = [Hidden if f is PathFinder else f for f in sys.meta_path]
runpy.run_path(os.environ['TEST_OFFLINE'])
'''
NO_NETWORK = '''
import sys
def refuse(event, args):
    if event in ('socket.connect', 'socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto', 'urllib.Request'): print(f'REACHED OUT: {event} {args[1:]}', file=sys.stderr, flush=True); raise OSError('no network here')
sys.addaudithook(refuse)
'''
CLI = 'import sys; from audiostyle.studio.cli import main; sys.exit(main())'

@pytest.fixture
def child(root, tmp_path):
    "Runs code in a child in which packages are hidden: `child(code, *arguments, absent='a,b', broken='c')`."
    (tmp_path/'site').mkdir(); (tmp_path/'site'/'sitecustomize.py').write_text(HIDE)
    def run(code, *arguments, absent='', broken='', path=()):
        env = {**os.environ, 'TEST_ABSENT': absent, 'TEST_BROKEN': broken, 'TEST_OFFLINE': str(root/'tools'/'offline'/'sitecustomize.py'), 'PYTHONPATH': os.pathsep.join(map(str, [tmp_path/'site', *path])), 'OMP_NUM_THREADS': '1'}
        return subprocess.run([sys.executable, '-c', code, *map(str, arguments)], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    return run

@pytest.fixture
def sound(tmp_path):
    import numpy as np, soundfile as sf
    t = np.arange(8000)/16000; sf.write(tmp_path/'in.wav', .3*np.sin(2*np.pi*150*t)*(1+np.sin(2*np.pi*700*t)), 16000); return tmp_path/'in.wav'

OPTIONAL = 'pyworld,torchaudio,espeakng_loader,distributed,dask,tensorboard,jupyterlab,ipywidgets,sphinx,myst_nb,nbdev,playwright,pandas'
HEAVY = 'torch,numpy,scipy,librosa,numba,matplotlib,lightning,soundfile,soxr,papermill,safetensors'

def test_the_package_imports_without_anything(child):
    done = child('import audiostyle; from audiostyle.core import errors, config, show; from audiostyle.studio import doctor, cli; print(audiostyle.__version__)', absent=f'{OPTIONAL},{HEAVY}')
    assert done.returncode == 0, done.stderr

def test_every_module_imports_without_extras(child):
    code = "import importlib, pkgutil, audiostyle\nfor m in pkgutil.walk_packages(audiostyle.__path__, 'audiostyle.'): importlib.import_module(m.name)"
    done = child(code, absent=OPTIONAL+',librosa,matplotlib,papermill'); assert done.returncode == 0, done.stderr

def test_doctor_lists_what_is_missing_and_what_brings_it(child):
    done = child(CLI, 'doctor', '--json', absent=OPTIONAL); found = {f['name']: f for f in json.loads(done.stdout)['findings']}
    assert done.returncode == 0, done.stderr                       # the core works
    for name in ('pyworld', 'espeakng_loader', 'distributed', 'tensorboard', 'sphinx', 'torchaudio'):
        assert found[name]['status'] == 'missing' and found[name]['remedy'] == f'pip install "audiostyle[{found[name]["part"]}]"', found[name]
    assert all(f['remedy'] for f in found.values() if f['status'] != 'ok') and 'quarto' in found

def test_doctor_survives_a_core_in_ruins(child):
    done = child(CLI, 'doctor', absent=HEAVY.replace('soundfile,', '').replace('numpy,', ''), broken='soundfile,numpy')
    assert done.returncode == 1 and 'the core does not work' in done.stdout and not done.stderr, done.stderr
    for line in ('soundfile: broken; pip install --force-reinstall "soundfile', 'torch: missing; pip install "torch>=', 'scipy: missing; pip install "scipy'): assert line in done.stdout, done.stdout

def test_doctor_sees_a_torchaudio_of_another_torch(child, tmp_path):
    at = tmp_path/'fake'/'torchaudio-2.3.0.dist-info'; at.mkdir(parents=True); (at/'METADATA').write_text('Metadata-Version: 2.1\nName: torchaudio\nVersion: 2.3.0\n')
    done = child(CLI, 'doctor', '--json', path=[tmp_path/'fake']); f = next(f for f in json.loads(done.stdout)['findings'] if f['name'] == 'torch with torchaudio')
    assert f['status'] == 'broken' and 'with 2.3.0' in f['version'] and f['remedy'].startswith('pip install torchaudio==') and done.returncode == 0

def one_line(done, *words):
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith('audiostyle: ') and all(w in done.stderr for w in words), done.stderr

@pytest.mark.parametrize('absent, broken, words', [
    ('pyworld', '', ['pyworld is needed here and is not installed', 'pip install "audiostyle[world]"']),
    ('', 'pyworld', ['pyworld is needed here and is installed, but', 'libpyworld.so.1', 'pip install --force-reinstall pyworld']),
    ('soundfile', '', ['soundfile is needed here and is not installed', 'pip install soundfile']),
    ('', 'soundfile', ['libsoundfile.so.1', 'pip install --force-reinstall soundfile']),
    ('soxr', '', ['soxr is needed here', 'pip install soxr']),
], ids=['no pyworld', 'broken pyworld', 'no soundfile', 'broken soundfile', 'no soxr'])
def test_convert_names_what_it_lacks(child, sound, tmp_path, absent, broken, words):
    one_line(child(CLI, 'convert', sound, '--to', 'slt', '-o', tmp_path/'out.wav', absent=absent, broken=broken), *words, 'audiostyle doctor')
    assert not (tmp_path/'out.wav').exists() and sorted(p.name for p in tmp_path.iterdir()) == ['in.wav', 'site']

def test_a_folder_is_refused_at_once_not_file_by_file(child, sound, tmp_path):
    (tmp_path/'many').mkdir(); sound.rename(tmp_path/'many'/'a.wav')
    one_line(child(CLI, 'convert', tmp_path/'many', '--to', 'slt', '-o', tmp_path/'out', absent='pyworld'), 'audiostyle[world]')
    assert not (tmp_path/'out').exists()

def test_the_built_in_corpus_names_its_extra(child, tmp_path, monkeypatch):
    monkeypatch.setenv('AUDIOSTYLE_CACHE', str(tmp_path/'cache'))
    done = child(CLI, 'demo', '--run-dir', tmp_path/'run', '-q', absent='espeakng_loader')
    assert done.returncode == 2 and 'pip install "audiostyle[synth]"' in done.stderr, done.stderr

def test_functions_name_what_they_lack(child):
    code = '''
import torch
from audiostyle.core.errors import MissingExtra
from audiostyle.core.show import new_axes
from audiostyle.signal.world import WorldSettings, analyse
for f in (new_axes, lambda: analyse(torch.zeros(1, 16000), WorldSettings())):
    try: f()
    except MissingExtra as e: print(e)
'''
    done = child(code, absent='matplotlib,pyworld'); said = done.stdout.splitlines()
    assert len(said) == 2 and 'pip install matplotlib' in said[0] and 'pip install "audiostyle[world]"' in said[1], (done.stdout, done.stderr)

def test_nothing_reaches_for_the_network(child, sound, tmp_path):
    "Every way out of this Python is watched, not only blocked: an attempt that is caught and hidden counts"
    code = NO_NETWORK+'''
from audiostyle.studio.cli import main
for words in (['recipes'], ['doctor'], ['train', '--help'], ['speakers'], ['convert', sys.argv[1], '--to', 'slt', '-o', sys.argv[2]]): assert main(words) == 0, words
'''
    done = child(code, sound, tmp_path/'out.wav'); assert done.returncode == 0 and 'REACHED OUT' not in done.stderr and (tmp_path/'out.wav').exists(), done.stderr
    caught = child(NO_NETWORK+"import socket\ntry: socket.create_connection(('127.0.0.1', 9), timeout=1)\nexcept OSError: pass"); assert 'REACHED OUT' in caught.stderr      # the watcher itself
