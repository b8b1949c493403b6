"""Every row of the table: what others pick, what it costs there and here, and what limits both.

    python -m benchmarks                       all rows
    python -m benchmarks 1 3                   rows 1 and 3
    python -m benchmarks --quick               tiny sizes, once each: does everything run?
    python -m benchmarks --clock cpu           processor time for rows of one thread: for busy machines
    python -m benchmarks --json FILE           the figures as JSON as well"""
import os
for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'NUMBA_NUM_THREADS'): os.environ[name] = '1'   # before anything loads them; rows that want more say so
import argparse, importlib, json, sys, warnings
from pathlib import Path
from . import timing

def rows():
    "The rows of every rows_*.py beside this file, by number."
    files = sorted(p.stem for p in Path(__file__).parent.glob('rows_*.py'))
    return sorted((r for f in files for r in importlib.import_module(f'{__package__}.{f}').ROWS), key=lambda r: r.number)

def main(argv=None):
    p = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('rows', nargs='*', type=int, help='numbers of rows; all without any')
    p.add_argument('--quick', action='store_true', help='tiny sizes, one repeat')
    p.add_argument('--clock', choices=('wall', 'cpu'), default='wall', help='what rows of one thread are timed by')
    p.add_argument('--json', type=Path, help='write the figures there')
    a = p.parse_args(argv)
    found = rows()
    if unknown := set(a.rows)-{r.number for r in found}: p.error(f"no row {', '.join(map(str, sorted(unknown)))}; there are {', '.join(str(n) for n in sorted({r.number for r in found}))}")
    warnings.simplefilter('ignore')
    where = timing.machine(); print(f"{where['cpu']}, {where['cores']} cores, load {where['load'] or 0:.1f}, Python {where['python']}, {where['versions']}\n{timing.head()}", flush=True)
    done = []
    for row in found:
        if a.rows and row.number not in a.rows: continue
        done.append(timing.run_row(row, a.quick, a.clock)); print('\n'.join(timing.lines(done[-1])), flush=True)
    met = [r['met'] for r in done if r['met'] is not None]
    print('tiny sizes: everything runs, nothing is judged' if a.quick else f'{sum(met)} of {len(met)} rows meet their targets; one thread unless a row says otherwise; {a.clock} clock')
    if a.json:
        from audiostyle.core.store import write_json
        write_json(a.json, dict(machine=where, quick=a.quick, rows=done)); print(f'wrote {a.json}')

if __name__ == '__main__': main()
