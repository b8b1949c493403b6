"""The documentation site, made from the notebooks with the outputs they carry.

    python tools/docs.py [--out _docs] [--generator auto|quarto|sphinx] [nb ...]

Every notebook becomes a page at the address that nbdev's own links use (`10_signal/waveform.html`). nbdev's processors hide, link and document;
Quarto renders where it is installed, Sphinx with myst-nb where it is not. Two departures from nbdev. Its `exec_show_docs` runs every cell
with an import in it, which takes long and fails on a cell that leans on cells before it: here `show_doc` looks at the installed package instead,
and nothing is executed. Its front-matter step drops whatever else stands in the title cell: here that cell is split first."""
import argparse, inspect, os, re, shutil, subprocess, sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
import nbformat
from nbformat.v4 import new_markdown_cell
from notebooks import ROOT, notebooks, read

LIB = 'audiostyle'

def mathjax():
    "The MathJax bundle with every extension in it, from the PyPI package that carries it: in the lock like all else, so it is there offline"
    try: return next(Path(f.locate()) for f in files('sphinx-mathjax-offline') if f.name == 'tex-svg-full.js')
    except (PackageNotFoundError, StopIteration): raise SystemExit('MathJax is not installed: pip install "audiostyle[docs]"')

# ---- one page

def address(path):
    "Page of a notebook, without suffix: `nbs/10_signal/00_waveform.ipynb` -> `10_signal/waveform`, as nbdev's links have it"
    rel = path.relative_to(ROOT/'nbs')
    return (rel.parent/re.sub(r'^\d+[a-zA-Z0-9]*_', '', rel.stem.lower())).as_posix()

def module_of(nb):
    "What a notebook exports to, or None"
    m = re.search(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(c.source or '' for c in nb.cells if c.cell_type == 'code'), re.M)
    return m and m[1]

def prepare(nb):
    "Split prose off the title cell and let exported cells show their source, folded"
    at = next((i for i, c in enumerate(nb.cells) if c.cell_type == 'markdown'), None)
    m = None if at is None else re.match(r'\s*(# .+\n*(?:> .+\n?)?)((?:.|\n)*)', nb.cells[at].source)
    if m:
        nb.cells[at].source = m[1].strip()
        if m[2].strip(): nb.cells.insert(at+1, new_markdown_cell(m[2].strip()))
    for c in nb.cells:
        if c.cell_type == 'code': c.source = re.sub(r'^#\|\s*export\b', '#| exports', c.source, flags=re.M)
    return nb

def cell(text):
    "Text that may stand in a cell of a table"
    return text.replace('|', '\\|').replace('\n', ' ')

def type_name(annotation):
    "An annotation without the modules its types come from"
    return re.sub(r'\b(?:\w+\.)+(\w+)', r'\1', annotation if isinstance(annotation, str) else inspect.formatannotation(annotation))

def steady(text): return re.sub(r' at 0x[0-9a-f]+', '', text)

def parameter_table(obj, sig):
    "Parameters of a function or class with type, default and the comment beside them; the result in the last row"
    from fastcore.docments import docments
    notes, empty = docments(obj, full=True), inspect.Parameter.empty
    note = lambda n: cell(notes.get(n, {}).get('docment') or '')
    code = lambda text: f'`{cell(text)}`'
    kind = lambda a: '' if a is empty else code(type_name(a))
    rows = [f"| `{n}` | {kind(p.annotation)} | {'' if p.default is empty else code(steady(repr(p.default)))} | {note(n)} |" for n, p in sig.parameters.items() if n != 'self']
    if not inspect.isclass(obj) and (note('return') or sig.return_annotation is not empty):
        rows.append(f'| **returns** | {kind(sig.return_annotation)} | | {note("return")} |')
    return '\n'.join(['| parameter | type | default | meaning |', '|---|---|---|---|', *rows]) if rows else ''

def plain(sig):
    "A signature without its types"
    bare = dict(annotation=inspect.Parameter.empty)
    return steady(str(sig.replace(parameters=[p.replace(**bare) for n, p in sig.parameters.items() if n not in ('self', 'cls')], return_annotation=inspect.Signature.empty)))

def sentence(obj): return ((inspect.getdoc(obj) or '').splitlines() or [''])[0]

def api_entry(name, obj):
    "Heading, signature, docstring and table of one public name, and the methods of a class"
    try: sig = inspect.signature(obj)
    except (TypeError, ValueError): sig = None
    made = '' if sig is None else plain(sig)
    parts = [f'### {name}', f"```python\n{'class ' if inspect.isclass(obj) else ''}{name}{made}\n```", inspect.getdoc(obj) or '', parameter_table(obj, sig) if sig else '']
    if inspect.isclass(obj):
        own = {n: m for n, m in vars(obj).items() if not n.startswith('_') and (inspect.isroutine(m) or isinstance(m, (property, classmethod, staticmethod))) and sentence(getattr(obj, n))}
        call = lambda m: '' if isinstance(m, property) else plain(inspect.signature(getattr(m, '__func__', m)))
        if own: parts.append('\n'.join(['| method | what it gives |', '|---|---|', *(f'| `{n}{cell(call(m))}` | {cell(sentence(getattr(obj, n)))} |' for n, m in own.items())]))
    return '\n\n'.join(filter(None, parts))

def processors():
    "nbdev's processors, `show_doc` answered by the installed package"
    from nbdev.process import Processor
    from nbdev.processors import FilterDefaults

    class show_docs_from_package(Processor):
        def begin(self): self.names = vars(import_module(f'{LIB}.{m}')) if (m := module_of(self.nb)) else {}
        def cell(self, cell):
            m = cell.cell_type == 'code' and re.search(r'^show_doc\(([\w.]+)', cell.source or '', re.M)
            if not m or m[1].split('.')[0] not in self.names: return
            text = api_entry(m[1], eval(m[1], dict(self.names)))
            cell.outputs = [dict(output_type='display_data', metadata={}, data={'text/markdown': text})]

    class Filter(FilterDefaults):
        def base_procs(self): return [show_docs_from_package if p.__name__ == 'exec_show_docs' else p for p in super().base_procs()]
    return Filter()

def process(path, dst):
    "nbdev's version of one notebook, ready for Quarto, written to `dst`"
    from execnb.nbio import read_nb, write_nb
    dst.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(prepare(read(path)), dst)
    nb = read_nb(dst); processors()(nb)
    nb.metadata.pop('widgets', None)
    write_nb(nb, dst)

def relink(text, page, host):
    "Links to our own pages, made relative; nbdev writes them with the address of a host"
    up = '../'*page.count('/')
    text = re.sub(re.escape(host)+r'/?([^)#\s]+)\.html', lambda m: f'{up}{m[1]}.ipynb', text)
    strip = lambda m: f'{m[1]}{re.sub(r"^[0-9]+[a-zA-Z0-9]*_", "", m[2].lower())}.ipynb'
    return re.sub(r'(\]\((?!\w+:)(?:[^()\s]*/)?)([^()/\s]+)\.ipynb', strip, text)

def flatten(nb, page, host):
    "A processed notebook in plain MyST: what Quarto would read from directives is written out"
    out = []
    for c in nb.cells:
        if c.cell_type == 'raw' and c.source.startswith('---'):
            import yaml
            front = yaml.safe_load(c.source.strip().strip('-')) or {}
            quote = f"\n\n> {front['description']}" if front.get('description') else ''
            c = new_markdown_cell(f"# {front.get('title', page)}{quote}")
        elif 'WARNING: THIS FILE WAS AUTOGENERATED' in c.source: continue
        elif c.cell_type == 'code' and re.search(r'^show_doc\(', c.source, re.M): c = new_markdown_cell(''.join(o.data['text/markdown'] for o in c.outputs))
        elif c.cell_type == 'code':
            if re.search(r'^#\|\s*code-fold', c.source, re.M): c.metadata['tags'] = [*c.metadata.get('tags', []), 'hide-input']
            c.source = re.sub(r'^\s*#\|.*\n?', '', c.source, flags=re.M).strip()
        if c.cell_type == 'markdown': c.source = relink(c.source, page, host)
        if c.source.strip(): out.append(c)
    nb.cells = out
    return nb

# ---- the site

def floor(page): return re.sub(r'^\d+_', '', page.split('/')[0]).replace('_', ' ').capitalize()

def contents(pages):
    "Table of contents in the order of the notebooks, one caption a floor: the sidebar, and next and previous"
    floors = {}
    for page in pages:
        if '/' in page: floors.setdefault(floor(page), []).append(page)
    toctree = lambda caption, entries: f'```{{toctree}}\n:hidden:\n:caption: {caption}\n\n' + '\n'.join(entries) + '\n```\n'
    return '\n'.join(toctree(c, e) for c, e in floors.items()) + '\n' + toctree('Reference', ['api'])

def api_index(paths):
    "A page that lists every public name with its sentence"
    lines = ['# API', '', 'Every public name, floor by floor. Signatures and tables of parameters are on the pages of the notebooks that define them.', '']
    for p in paths:
        if not (m := module_of(read(p))): continue
        module = import_module(f'{LIB}.{m}')
        objects = [(n, getattr(module, n)) for n in getattr(module, '__all__', [])]
        rows = [f"| [`{n}`]({address(p)}.ipynb#{n.lower().replace('.', '-')}) | {cell(sentence(o))} |"
                for n, o in objects if getattr(o, '__module__', None) == module.__name__]
        if rows: lines += [f'## {m}', '', '| name | what it gives |', '|---|---|', *rows, '']
    return '\n'.join(lines)+'\n'

def sphinx(paths, work, out):
    "Render with Sphinx, myst-nb and the book theme"
    from nbdev.config import get_config
    cfg = get_config(); host = cfg.doc_host.rstrip('/')+cfg.doc_baseurl.rstrip('/')
    pages = [address(p) for p in paths]
    for page in pages:
        nb = flatten(nbformat.read(work/f'{page}.ipynb', 4), page, host)
        if page == 'index': nb.cells.append(new_markdown_cell(contents(pages)))
        nbformat.write(nb, work/f'{page}.ipynb')
    (work/'api.md').write_text(api_index(paths), encoding='utf-8')
    site = work/'.site'/'html'                                      # myst-nb writes beside it
    subprocess.run([sys.executable, '-m', 'sphinx', '-q', '-b', 'html', '-j', 'auto', '-d', str(work/'.site'/'doctrees'), '-c', str(ROOT/'tools'/'sphinx'), str(work), str(site)], check=True)
    shutil.copytree(site, out, dirs_exist_ok=True)

def quarto(paths, work, out):
    "Render with Quarto: the same pages, its own search and switch of colours, formulas as MathML"
    shutil.copy(ROOT/'_quarto.yml', work)
    subprocess.run(['quarto', 'render', str(work), '--no-execute', '--output-dir', str(out)], check=True)

def build(paths=(), out=ROOT/'_docs', work=ROOT/'_proc', generator='auto'):
    "Build the site of the given notebooks (all of them by default) into `out`; the path of its first page"
    paths, out, work = notebooks(paths), Path(out).resolve(), Path(work).resolve()
    index = ROOT/'nbs'/'index.ipynb'
    paths = [index, *(p for p in paths if p != index)]
    for folder in (work, out): shutil.rmtree(folder, ignore_errors=True); folder.mkdir(parents=True)
    for p in paths: process(p, work/f'{address(p)}.ipynb')
    {'quarto': quarto, 'sphinx': sphinx}[('quarto' if shutil.which('quarto') else 'sphinx') if generator == 'auto' else generator](paths, work, out)
    return out/'index.html'

if __name__ == '__main__':
    p = argparse.ArgumentParser(description='Build the documentation site')
    p.add_argument('notebooks', nargs='*'); p.add_argument('--out', default=ROOT/'_docs', type=Path); p.add_argument('--work', default=ROOT/'_proc', type=Path)
    p.add_argument('--generator', default='auto', choices=('auto', 'quarto', 'sphinx'))
    args = p.parse_args()
    out, work = args.out.resolve(), args.work.resolve(); os.chdir(ROOT)
    print(f'open {build(args.notebooks, out, work, args.generator)}\nor serve it, which the excerpts in search results need: {sys.executable} -m http.server -d {out} -b 127.0.0.1 8000')
