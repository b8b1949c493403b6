"""Everything that is done to notebooks: export, execute, clean, check.

    python tools/notebooks.py sync                     notebooks -> audiostyle/, tests/ and README.md
    python tools/notebooks.py run [--stale] [nb ...]   execute in place and keep the outputs
    python tools/notebooks.py test [nb ...]            execute in a scratch folder, offline, and keep nothing
    python tools/notebooks.py clean [nb ... | -]       drop counts and volatile metadata; tags and outputs stay
    python tools/notebooks.py check                    is all of the above in step, and is every notebook within its limits?

Outputs are committed, so a page shows what its code printed. `source_sha` in a notebook's metadata says which sources they came from: where it
differs from the sources now, the notebook is stale. Recipes are tested through papermill, as users run them. The executed copies of 95_results
are records: nothing here runs them again."""
import argparse, hashlib, json, os, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import nbformat

ROOT = Path(__file__).resolve().parents[1]
FROZEN = '95_results'
EXPORT = re.compile(r'^#\|\s*exports?\b', re.M)
CHECKS = re.compile(r'assert|test_|expect_fail')
ABSOLUTE = re.compile(r'(?<![\w.])/(?:work|root|home|tmp/w)/\w+')
NOISE = re.compile(r'\x1b\[[0-9;]*m|^\[IPKernelApp\] WARNING.*\n?', re.M)      # colours, and Jupyter's words on TCP
LIMITS = dict(kilobytes=1024, players=4, function_lines=40, class_lines=60, exported_lines=300, unchecked_cells=2)

def notebooks(paths=(), root=ROOT):
    "The given notebooks, folders opened, or all of nbs/"
    found = []
    for p in map(Path, paths or [root/'nbs']):
        p = p if p.exists() else root/'nbs'/p
        if p.suffix != '.ipynb' and not p.is_dir(): p = p.with_suffix('.ipynb')
        if not p.exists(): raise SystemExit(f'{p}: no such notebook')
        found += sorted(p.resolve().rglob('*.ipynb')) if p.is_dir() else [p.resolve()]
    hidden = lambda p: any(part.startswith(('.', '_')) for part in p.relative_to(root).parts)
    return [p for p in found if not hidden(p)]

def name(path): return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
def read(path): return nbformat.read(path, 4)
def is_frozen(path): return FROZEN in path.parts
def is_recipe(nb): return any('parameters' in c.metadata.get('tags', []) for c in nb.cells)

# ---- executing

def source_sha(nb): return hashlib.sha256('\0'.join(c.source for c in nb.cells).encode()).hexdigest()[:16]
def is_stale(nb): return nb.metadata.get('source_sha') != source_sha(nb)

def environment(offline=False, threads=1):
    "Environment of a kernel: this Python first on PATH, few threads, and no way out when `offline`"
    env = {**os.environ, 'IN_TEST': '1', 'PYDEVD_DISABLE_FILE_VALIDATION': '1', 'PATH': f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env.setdefault('OMP_NUM_THREADS', str(threads))
    if offline: env['PYTHONPATH'] = os.pathsep.join(filter(None, [str(ROOT/'tools'/'offline'), os.environ.get('PYTHONPATH')]))
    return env

SAME_SEEDS = """import random, sys
random.seed(0)
if 'numpy' in sys.modules: sys.modules['numpy'].random.seed(0)
if 'torch' in sys.modules: sys.modules['torch'].manual_seed(0)"""

def execute(nb, cwd, timeout=900):
    "Run every cell of `nb` in a fresh kernel that starts in `cwd`, a test from the seeds that it has under pytest; the outputs are put into `nb`"
    from nbclient import NotebookClient
    def seeded(cell, cell_index):
        if re.search(r'^#\|\s*test\b', cell.source, re.M): client.kc.execute(f'exec({SAME_SEEDS!r}, {{}})', silent=True)
    client = NotebookClient(nb, timeout=timeout, kernel_name='python3', resources={'metadata': {'path': str(cwd)}}, on_cell_start=seeded)
    client.execute()
    return nb

def execute_recipe(path, cwd):
    "Run a recipe as users do, through papermill, with its default parameters"
    import papermill
    return papermill.execute_notebook(str(path), str(cwd/path.name), cwd=str(cwd), kernel_name='python3', progress_bar=False)

def unfinished(nb):
    "First code cell that did not run to its end (a killed kernel or `sys.exit(0)` raises nothing), or None"
    for i, c in enumerate(nb.cells):
        if c.cell_type == 'code' and c.source.strip():
            errors = [o for o in c.get('outputs', []) if o.output_type == 'error']
            if c.execution_count is None or errors and 'raises-exception' not in c.metadata.get('tags', []):
                return f'cell {i} did not finish' + (f': {errors[0].ename}: {errors[0].evalue}' if errors else '')

def tidy(nb):
    "Drop what differs between two runs of the same cells, with nbdev's own cleaner: counts, timings, addresses, foreign metadata"
    from nbdev.clean import clean_nb
    from nbdev.config import get_config
    cfg = get_config()
    clean_nb(nb, allowed_metadata_keys=cfg.allowed_metadata_keys.split(), allowed_cell_metadata_keys=cfg.allowed_cell_metadata_keys.split(), clean_ids=cfg.clean_ids)
    return nb

def text_of(nb): return nbformat.writes(nb).rstrip('\n')+'\n'

def write(nb, path):
    "Replace a notebook in one step, so that a kill never leaves half of one"
    part = path.with_name(path.name+'.part')
    part.write_text(text_of(nb), encoding='utf-8'); part.replace(path)

def run_one(path):
    "Execute one notebook in place"
    nb = execute(read(path), path.parent)
    if why := unfinished(nb): raise RuntimeError(why)
    nb.metadata['source_sha'] = source_sha(nb)
    write(tidy(nb), path)

def test_one(path):
    "Execute one notebook in a scratch folder; nothing of it is kept"
    with tempfile.TemporaryDirectory(prefix='audiostyle-nb-') as tmp:
        nb = read(path)
        nb = execute_recipe(path, Path(tmp)) if is_recipe(nb) else execute(nb, tmp)
        if why := unfinished(nb): raise RuntimeError(why)

def child(action, path, offline, timeout=1800):
    "Carry out `action` on one notebook in a process of its own: (seconds, error text or None)"
    start = time.time()
    try: done = subprocess.run([sys.executable, __file__, action, '--here', str(path)], env=environment(offline), capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired: return time.time()-start, f'not finished after {timeout} s'
    if not done.returncode: return time.time()-start, None
    text = NOISE.sub('', done.stdout+done.stderr).strip()
    return time.time()-start, text[-6000:] or f'exit status {done.returncode}'

def execute_all(action, paths, offline, jobs):
    "Carry out `action` on all `paths`, `jobs` at a time; the number that failed"
    def one(path):
        seconds, error = child(action, path, offline)
        print(f'{name(path):<42} {"FAILED" if error else "ok":>6} {seconds:6.1f} s {path.stat().st_size//1024:5d} kB'+(f'\n{error}' if error else ''), flush=True)
        return error
    with ThreadPoolExecutor(jobs) as pool: return sum(map(bool, pool.map(one, paths)))

# ---- exporting

def readme(root=ROOT):
    "Text of README.md: the index notebook in markdown, cells flagged `#| hide` left out"
    from nbconvert import MarkdownExporter
    nb = read(root/'nbs'/'index.ipynb')
    nb.cells = [c for c in nb.cells if c.source.strip() and not re.search(r'^#\|\s*hide\b', c.source, re.M)]
    for c in nb.cells:
        if c.cell_type == 'code': c.source = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M)
    nb.metadata['language_info'] = {'name': 'python'}
    body, _ = MarkdownExporter().from_notebook_node(nb)
    return '<!-- AUTOGENERATED! DO NOT EDIT! File to edit: nbs/index.ipynb -->\n\n' + re.sub(r'\n{3,}', '\n\n', body).strip() + '\n'

def fresh_export(root=ROOT):
    "Text of each file of the package as the notebooks have it now; None for a module that no notebook exports"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp).resolve()
        shutil.copytree(root/'nbs', tmp/'nbs', ignore=lambda d, names: [n for n in names if not (n.endswith('.ipynb') or Path(d, n).is_dir())])
        shutil.copy(root/'settings.ini', tmp)
        (tmp/'audiostyle').mkdir(); shutil.copy(root/'audiostyle'/'__init__.py', tmp/'audiostyle')
        env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'}
        done = subprocess.run([sys.executable, '-c', 'from nbdev.doclinks import nbdev_export; nbdev_export()'], cwd=tmp, env=env, capture_output=True, text=True)
        if done.returncode: raise SystemExit(f'the export failed:\n{done.stderr}')
        files = {p.relative_to(tmp): p.read_text(encoding='utf-8') for p in sorted((tmp/'audiostyle').rglob('*.py'))}
    old = {p.relative_to(root) for p in (root/'audiostyle').rglob('*.py') if '# AUTOGENERATED!' in p.read_text(encoding='utf-8')[:2000]}
    return files | dict.fromkeys(sorted(old - files.keys()))

def out_of_step(root=ROOT):
    "Path and due text of each file of the package that differs from a fresh export"
    for p, text in fresh_export(root).items():
        if text is None or not (root/p).exists() or (root/p).read_text(encoding='utf-8') != text: yield p, text

def sync(root=ROOT):
    "Write the package, the generated tests and the README"
    import nbtests
    for p, text in [*out_of_step(root), *([(Path('README.md'), readme(root))] if (root/'README.md').read_text(encoding='utf-8') != readme(root) else [])]:
        if text is None: (root/p).unlink(); print('removed', p); continue
        (root/p).parent.mkdir(parents=True, exist_ok=True); (root/p).write_text(text, encoding='utf-8'); print('wrote', p)
    nbtests.main([])

# ---- checking

def code_lines(src): return [l for l in src.splitlines() if l.strip() and not l.lstrip().startswith(('#', 'import ', 'from '))]

def beyond_limits(path):
    "One line for each way in which a notebook leaves the agreed anatomy"
    nb, size = read(path), path.stat().st_size//1024
    if size > LIMITS['kilobytes']: yield f'{size} kB with outputs (limit {LIMITS["kilobytes"]})'
    players = sum(str(o.get('data', {}).get('text/html', '')).count('<audio') for c in nb.cells for o in c.get('outputs', []))
    if players > LIMITS['players']: yield f'{players} players (limit {LIMITS["players"]})'
    exported = unchecked = words = 0
    for i, c in enumerate(nb.cells):
        if c.cell_type == 'markdown': words += len(c.source.split())
        elif c.cell_type == 'code' and EXPORT.search(c.source):
            lines = code_lines(c.source); exported += len(lines); unchecked += bool(lines)
            limit = LIMITS['class_lines' if re.search(r'^class ', c.source, re.M) else 'function_lines']
            if len(lines) > limit: yield f'cell {i}: {len(lines)} exported lines (limit {limit})'
            if lines and unchecked == LIMITS['unchecked_cells']+1: yield f'cell {i}: exported cells in a row without a check between'
        elif c.cell_type == 'code' and CHECKS.search(c.source): unchecked = 0
    if exported > LIMITS['exported_lines']: yield f'{exported} exported lines (limit {LIMITS["exported_lines"]})'
    if exported > 60 and words < exported: yield f'{words} words of prose for {exported} exported lines'
    if m := ABSOLUTE.search(path.read_text(encoding='utf-8')): yield f'an absolute path ({m[0]}…)'

def not_clean(path):
    "One line for each way in which the outputs of a notebook cannot be trusted"
    nb, text = read(path), path.read_text(encoding='utf-8')
    if text_of(tidy(read(path))) != text: yield 'not clean; `make clean-notebooks` mends it'
    if is_stale(nb) and not (is_frozen(path) and 'source_sha' not in nb.metadata):
        yield 'its outputs come from other sources; `make notebooks` runs it'
    for i, c in enumerate(nb.cells):
        if any(o.output_type == 'error' for o in c.get('outputs', [])) and 'raises-exception' not in c.metadata.get('tags', []): yield f'cell {i} shows an error'

def check(root=ROOT):
    "Print everything that is out of step or out of bounds; True when nothing is"
    import check_order, nbtests
    bad = [f'order: {v}' for v in check_order.violations(check_order.graph(root))]
    bad += [f"{p}: {'no notebook exports it' if text is None else 'differs from its notebook'}; `make sync` mends it" for p, text in out_of_step(root)]
    bad += [f'{name(p)}: {why}' for p in notebooks(root=root) for why in (*not_clean(p), *beyond_limits(p))]
    if (root/'README.md').read_text(encoding='utf-8') != readme(root): bad.append('README.md: differs from nbs/index.ipynb; `make sync` writes it')
    ok = not nbtests.main(['--check']) and not bad
    print('\n'.join(bad) or f'{len(notebooks(root=root))} notebooks: in order, in step, clean, within limits')
    return ok

def clean(paths):
    "Clean notebooks in place, or standard input to standard output for `-`"
    if paths == ['-']:
        sys.stdout.write(text_of(tidy(nbformat.reads(sys.stdin.read(), 4)))); return
    for p in notebooks(paths):
        text = text_of(tidy(read(p)))
        if text != p.read_text(encoding='utf-8'): p.write_text(text, encoding='utf-8'); print('cleaned', name(p))

def main(argv=None):
    p = argparse.ArgumentParser(description='Export, execute, clean and check the notebooks', epilog='See the head of this file.')
    sub = p.add_subparsers(dest='action', required=True)
    for action in ('sync', 'run', 'test', 'clean', 'check'):
        a = sub.add_parser(action)
        if action not in ('sync', 'check'): a.add_argument('paths', nargs='*')
        if action in ('run', 'test'):
            a.add_argument('-j', '--jobs', type=int, default=1); a.add_argument('--here', action='store_true', help=argparse.SUPPRESS)
        if action == 'run': a.add_argument('--stale', action='store_true', help='only where the sources have changed since the last run')
    args = p.parse_args(argv)
    if action := {'sync': sync, 'clean': lambda: clean(args.paths)}.get(args.action): action(); return 0
    if args.action == 'check': return int(not check())
    paths = notebooks(args.paths)
    if args.here:
        for path in paths:
            try: {'run': run_one, 'test': test_one}[args.action](path)
            except Exception as e: print(e); return 1        # the failing cell and its traceback; ours would say nothing
        return 0
    paths = [q for q in paths if not is_frozen(q)]
    if getattr(args, 'stale', False): paths = [q for q in paths if is_stale(read(q))]
    return int(bool(execute_all(args.action, paths, offline=args.action == 'test', jobs=args.jobs)))

if __name__ == '__main__':
    os.chdir(ROOT); sys.exit(main())
