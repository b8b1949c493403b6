"""A notebook imports only from notebooks whose path sorts before its own; `voice`, `scene` and `art` never import one another.

    python tools/check_order.py

Reads every code cell of every notebook (shown cells obey the rule as exported ones do) and every exported module; prints what breaks the rule."""
import ast, json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APART = {'voice', 'scene', 'art'}
DEFAULT_EXP = re.compile(r'^#\|\s*default_exp\s+(\S+)', re.M)
MAGIC = re.compile(r'^\s*[%!?].*$', re.M)

def sources(path):
    "Code of each code cell of a notebook, magics dropped"
    for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
        if c['cell_type'] == 'code': yield MAGIC.sub('', ''.join(c['source']))

def imported(tree, package=()):
    "Dotted names that a syntax tree imports, relative ones resolved against `package`"
    for n in ast.walk(tree):
        if isinstance(n, ast.ImportFrom):
            head = list(package[:len(package)-n.level+1]) if n.level else []
            module = '.'.join(head + ([n.module] if n.module else []))
            yield module
            yield from (f'{module}.{a.name}' for a in n.names)    # `from audiostyle.voice import cyclegan`
        elif isinstance(n, ast.Import): yield from (a.name for a in n.names)

def graph(root=ROOT, lib='audiostyle'):
    "Notebook path -> (module it exports or None, names it and its module import)"
    out = {}
    for nb in sorted((root/'nbs').rglob('*.ipynb')):
        rel = nb.relative_to(root/'nbs')
        if any(p.startswith(('.', '_')) for p in rel.parts): continue
        cells, names, module = list(sources(nb)), set(), None
        for s in cells:
            if m := DEFAULT_EXP.search(s): module = f'{lib}.{m[1]}'
            try: names.update(imported(ast.parse(s)))
            except SyntaxError: pass                               # a cell that shows a mistake on purpose
        py = root/(module.replace('.', '/')+'.py') if module else None
        if py and py.exists(): names.update(imported(ast.parse(py.read_text(encoding='utf-8')), module.split('.')[:-1]))
        out[rel.as_posix()] = module, names
    return out

def violations(g, lib='audiostyle'):
    "One line for each import that breaks a rule"
    home = {module: nb for nb, (module, _) in g.items() if module}
    floor = lambda module: module.split('.')[1]
    for nb, (module, names) in g.items():
        for name in sorted(names & home.keys() - {module}):
            if not home[name] < nb: yield f'{nb} imports {name}, which lives above it in {home[name]}'
            elif module and {floor(module), floor(name)} <= APART and floor(module) != floor(name):
                yield f'{nb} imports {name}: {floor(module)} and {floor(name)} meet only in pipelines'

if __name__ == '__main__':
    bad = list(violations(graph()))
    print('\n'.join(bad) or f'{len(graph())} notebooks in order')
    sys.exit(bool(bad))
