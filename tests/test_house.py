"The rules of the house that no single notebook can check."
import configparser, re, subprocess, sys
import pytest
import check_order, nbtests, notebooks

@pytest.fixture(scope='module')
def settings(root):
    parser = configparser.ConfigParser(delimiters=['=']); parser.read(root/'settings.ini')
    return parser['DEFAULT']

NOTEBOOKS = notebooks.notebooks()
each_notebook = pytest.mark.parametrize('path', NOTEBOOKS, ids=[p.relative_to(notebooks.ROOT/'nbs').as_posix() for p in NOTEBOOKS])

def test_order():
    assert list(check_order.violations(check_order.graph())) == []

def test_order_is_noticed():
    "The checker itself: an import from above, and one between two of the floors that stay apart"
    g = {'10_signal/00_a.ipynb': ('audiostyle.signal.a', {'audiostyle.voice.b'}), '70_voice/00_b.ipynb': ('audiostyle.voice.b', {'audiostyle.signal.a'}),
         '75_scene/00_c.ipynb': ('audiostyle.scene.c', {'audiostyle.voice.b'}), '80_pipelines/00_d.ipynb': ('audiostyle.pipelines.d', {'audiostyle.scene.c', 'audiostyle.voice.b'})}
    bad = list(check_order.violations(g))
    assert len(bad) == 2 and '10_signal/00_a.ipynb imports audiostyle.voice.b' in bad[0] and 'meet only in pipelines' in bad[1]

def test_package_in_step_with_notebooks():
    assert [str(p) for p, _ in notebooks.out_of_step()] == []

def test_generated_tests_in_step_with_notebooks():
    assert nbtests.main(['--check']) == 0

def test_readme_in_step_with_index(root):
    assert (root/'README.md').read_text(encoding='utf-8') == notebooks.readme()

@each_notebook
def test_notebook_is_clean_and_outputs_are_its_own(path):
    assert list(notebooks.not_clean(path)) == []

@each_notebook
def test_notebook_within_limits(path):
    assert list(notebooks.beyond_limits(path)) == []

def test_cleaning_keeps_tags_and_outputs():
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook, new_output
    cell = new_code_cell('seed = 0', execution_count=7, metadata={'tags': ['parameters'], 'execution': {'iopub.status.busy': 'now'}}, outputs=[new_output('stream', text='out\n')])
    dirty = nbformat.writes(new_notebook(cells=[cell], metadata={'source_sha': 'abc', 'language_info': {'name': 'python'}}))
    done = subprocess.run([sys.executable, str(notebooks.ROOT/'tools'/'notebooks.py'), 'clean', '-'], input=dirty, capture_output=True, text=True, check=True)
    nb = nbformat.reads(done.stdout, 4); cell = nb.cells[0]
    assert cell.metadata == {'tags': ['parameters']} and cell.execution_count is None and cell.outputs[0].text == 'out\n'
    assert nb.metadata == {'source_sha': 'abc'}

def test_tests_of_a_notebook_start_from_the_seeds_of_pytest(tmp_path):
    from nbformat.v4 import new_code_cell, new_notebook
    draw = 'import numpy, random, torch; print(random.random(), numpy.random.rand(), torch.rand(1).item())'
    nb = notebooks.execute(new_notebook(cells=[new_code_cell(s) for s in ('import numpy, torch', f'#| test one\n{draw}', draw, f'#| test two\n{draw}')]), tmp_path)
    one, other, two = (c.outputs[0].text for c in nb.cells[1:])
    assert one == two != other
    import numpy, random, torch
    exec(notebooks.SAME_SEEDS, {}); assert one.split() == [str(v) for v in (random.random(), numpy.random.rand(), torch.rand(1).item())]

def versions(text): return dict(re.match(r'([\w.-]+)==(\S+)', l).groups() for l in text.splitlines() if l.strip())

def test_lock_names_versions_only_and_serves_every_requirement(root, settings):
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    text = (root/'requirements.lock').read_text()
    assert '://' not in text and '@' not in text and '--' not in text
    locked = {canonicalize_name(n): v for n, v in versions(text).items()}
    wanted = [w for k, v in settings.items() if k.endswith('requirements') for w in v.split()] + (root/'requirements.in').read_text().split()
    missing = [w for w in wanted if not (r := Requirement(w)) or canonicalize_name(r.name) not in locked or not r.specifier.contains(locked[canonicalize_name(r.name)])]
    assert missing == []

def test_one_version(root, settings):
    assert f'__version__ = "{settings["version"]}"' in (root/'audiostyle'/'__init__.py').read_text()
    assert f'version: {settings["version"]}\n' in (root/'CITATION.cff').read_text()
    assert f'## {settings["version"]}' in (root/'CHANGELOG.md').read_text()

def test_no_absolute_paths_and_no_large_files(root):
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=root, capture_output=True, text=True)
    if listed.returncode: pytest.skip('not a git checkout')
    files = [root/f for f in listed.stdout.splitlines() if (root/f).is_file()]
    assert [str(f) for f in files if f.stat().st_size > 10_000_000] == []
    texts = [f for f in files if f.suffix in ('.py', '.ini', '.yml', '.md', '.cff', '.lock', '.in', '.css', '')]
    assert [str(f) for f in texts if notebooks.ABSOLUTE.search(f.read_text(encoding='utf-8', errors='ignore'))] == []

def errors_without_remedy(source):
    "Lines that raise one of our errors with fewer than its three parts: what, path, remedy. The loop that catches a `DivergedError` adds the remedy."
    import ast
    from audiostyle.core import errors
    ours = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, errors.AudiostyleError)}|{'RecipeError'}
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)): continue
        name = getattr(node.exc.func, 'id', getattr(node.exc.func, 'attr', '')); given = [*node.exc.args[2:3], *(k.value for k in node.exc.keywords if k.arg == 'remedy')]
        starred = any(isinstance(a, ast.Starred) for a in node.exc.args); rewrapped = name == 'cls'
        if name in ours-{'DivergedError'} and not starred and not rewrapped and (not given or isinstance(given[0], ast.Constant) and not given[0].value): yield node.lineno, ast.unparse(node.exc)

def test_every_error_has_a_remedy(root):
    found = [f'{p.relative_to(root)}:{n}: {text}' for p in sorted((root/'audiostyle').rglob('*.py')) for n, text in errors_without_remedy(p.read_text(encoding='utf-8'))]
    assert found == []
    assert len(list(errors_without_remedy("raise DataError('no')\nraise DataError('no', p, 'do')\nraise DataError('no', p, None)\nraise X('no')\nraise SettingsError('no', remedy='do')"))) == 2

OUTSIDE = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"

def test_nothing_leaves_the_machine():
    "Sockets to elsewhere are refused here and in children; those to this machine are not"
    import socket
    from pytest_socket import SocketConnectBlockedError
    with pytest.raises((SocketConnectBlockedError, PermissionError)): socket.create_connection(('192.0.2.1', 80), timeout=1)
    done = subprocess.run([sys.executable, '-c', OUTSIDE], capture_output=True, text=True)
    assert 'PermissionError' in done.stderr and 'refused' in done.stderr
    with socket.create_server(('127.0.0.1', 0)) as server, socket.create_connection(server.getsockname(), timeout=5): pass
