"A wheel built from the tree carries what is needed outside the checkout, installs into an empty environment, and imports quickly without torchaudio."
import os, shutil, subprocess, sys, sysconfig, zipfile
from pathlib import Path
import pytest

def run(*command, cwd=None, **env):
    done = subprocess.run([str(c) for c in command], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout

@pytest.fixture(scope='module')
def wheel(root, tmp_path_factory):
    "The wheel, built from a source archive of a copy of the tree: nothing is written into the checkout"
    tree, dist = tmp_path_factory.mktemp('tree')/'audiostyle', tmp_path_factory.mktemp('dist')
    (tree/'nbs').mkdir(parents=True)
    for f in ('settings.ini', 'setup.py', 'MANIFEST.in', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff'): shutil.copy(root/f, tree)
    shutil.copytree(root/'audiostyle', tree/'audiostyle', ignore=shutil.ignore_patterns('__pycache__'))
    if (root/'nbs'/'85_recipes').exists(): shutil.copytree(root/'nbs'/'85_recipes', tree/'nbs'/'85_recipes')
    run(sys.executable, '-m', 'build', '--no-isolation', '--outdir', dist, tree)
    return next(dist.glob('*.whl'))

@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """Python of an environment that holds the wheel and nothing of the checkout. Its dependencies are those of this environment, reached by a `.pth`:
    the path is added, the `.pth` files in it are not read, so the editable install stays out."""
    venv = tmp_path_factory.mktemp('empty')/'venv'
    run(sys.executable, '-m', 'venv', '--without-pip', venv)
    python = venv/'bin'/'python'
    site = Path(run(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))').strip())
    run(sys.executable, '-m', 'pip', '--python', python, 'install', '--quiet', '--no-deps', '--no-index', '--disable-pip-version-check', wheel)
    (site/'dependencies.pth').write_text(sysconfig.get_path('purelib')+'\n')
    return python

def names(wheel): return set(zipfile.ZipFile(wheel).namelist())

def test_holds_every_module_recipe_and_weight(wheel, root):
    held = names(wheel)
    modules = {p.relative_to(root).as_posix() for p in (root/'audiostyle').rglob('*.py')}
    recipes = {f'audiostyle/recipes/{p.name}' for p in (root/'nbs'/'85_recipes').glob('*.ipynb')}
    weights = {p.relative_to(root).as_posix() for p in (root/'audiostyle'/'weights').rglob('*') if p.is_file()}
    assert modules | recipes | weights <= held
    assert not [n for n in held if n.startswith(('tests/', 'tools/', 'nbs/')) or n.endswith('.pyc')]
    assert any(n.endswith('LICENSE') for n in held)

def test_recipes_keep_their_parameters_and_leave_their_outputs(wheel):
    import nbformat
    with zipfile.ZipFile(wheel) as z:
        for n in z.namelist():
            if not n.endswith('.ipynb'): continue
            nb = nbformat.reads(z.read(n).decode(), 4)
            assert sum('parameters' in c.metadata.get('tags', []) for c in nb.cells) == 1, n
            assert not any(c.get('outputs') for c in nb.cells), n

def test_metadata_names_the_extras(wheel):
    with zipfile.ZipFile(wheel) as z: text = next(z.read(n).decode() for n in z.namelist() if n.endswith('METADATA'))
    for extra in ('world', 'synth', 'studio', 'sweep', 'docs', 'dev', 'all'): assert f'Provides-Extra: {extra}' in text
    assert 'Requires-Python: >=3.11' in text and 'torchaudio' not in [l.split(':')[1].strip() for l in text.splitlines() if l.startswith('Requires-Dist') and 'extra' not in l]

OUTSIDE = '''
import sys, time; sys.modules['torchaudio'] = None          # any import of it fails
start = time.perf_counter(); import audiostyle; took = time.perf_counter()-start
assert 'site-packages' in audiostyle.__file__ and took < 3, (audiostyle.__file__, took)
print(took)
'''
def test_imports_quickly_from_elsewhere(installed, tmp_path):
    assert float(run(installed, '-c', OUTSIDE, cwd=tmp_path)) < 3

EVERY_MODULE = '''
import sys; sys.modules['torchaudio'] = None
import importlib, pkgutil, audiostyle
for m in pkgutil.walk_packages(audiostyle.__path__, 'audiostyle.'): importlib.import_module(m.name)
'''
def test_every_module_imports_without_torchaudio(installed, tmp_path):
    run(installed, '-c', EVERY_MODULE, cwd=tmp_path)

def test_finds_recipes_and_weights_from_elsewhere(installed, tmp_path, root):
    if not any((root/'nbs'/'85_recipes').glob('*.ipynb')): pytest.skip('no recipe yet')
    run(installed, '-c', "from audiostyle.studio.recipes import recipes_dir; from audiostyle.pipelines.batch import bundled_model; d, w = recipes_dir(), bundled_model(); assert all('site-packages' in str(p) for p in (d, w)) and any(d.glob('*.ipynb')) and (w/'model.safetensors').is_file(), (d, w)", cwd=tmp_path)

def test_command_line_answers_from_elsewhere(installed, tmp_path, root):
    if not (root/'audiostyle'/'studio'/'cli.py').exists(): pytest.skip('no command line yet')
    assert 'convert' in run(installed.with_name('audiostyle'), '--help', cwd=tmp_path)
