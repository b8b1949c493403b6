"""What a row of the table is, and how it is timed and printed.

Peers and ours run in one process, in turns, so that a busy machine hits all of them; a figure is the median of at least five after a warm-up.
Seconds depend on the machine, ratios of one run hardly do. Where other programs take most of the processor even ratios of wall time wander;
the seconds of processor time that a row with one thread uses do not (`clock='cpu'`), so rows with more threads are the only ones that need a quiet machine."""
import importlib.metadata, importlib.util, os, platform, statistics, subprocess, tempfile, time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

@dataclass
class Work:
    "The same work done by several: callables without arguments, ready to be timed."
    ours:Callable
    peers:dict[str, Callable] = field(default_factory=dict)   # Name to callable; only those that are installed
    floor:tuple[str, Callable]|None = None                    # What no implementation can do without
    parts:dict[str, Callable] = field(default_factory=dict)   # Pieces of ours by themselves: the profile of a row that falls short
    same:Callable|None = None                                 # Called once before; raises where ours and the peers differ

@dataclass(frozen=True)
class Row:
    "One line of the table; `prepare(quick, folder)` makes the work, smaller when `quick`, and may use `folder`."
    number:int
    work:str
    prepare:Callable[[bool, Path], Work]
    targets:dict[str, float] = field(default_factory=dict)    # Peer to the ratio peer/ours that is wanted
    threads:int = 1                                           # Threads that torch may use, and ours beside it
    at_most:float|None = None                                 # For rows without a peer: seconds that ours may take
    repeats:int = 7

def installed(**peers):
    "Those of `peers`, package name to callable, whose package is there."
    return {name: call for name, call in peers.items() if importlib.util.find_spec(name)}

def _seconds(call, loops):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(loops): call()
    return (time.perf_counter()-wall)/loops, (time.process_time()-cpu)/loops

def time_in_turns(calls, repeats, clock='wall'):
    "Median seconds by `clock`, wall and CPU of each callable, after a warm-up; every round runs all of them, each round beginning with another. One repeat has no warm-up."
    loops = dict.fromkeys(calls, 1)
    if repeats > 1:
        for call in calls.values(): call()
        loops = {name: max(1, round(.02/max(_seconds(call, 1)[0], 1e-7))) for name, call in calls.items()}      # a clock tick must not count
    names, took = list(calls), {name: [] for name in calls}
    for r in range(repeats):
        for name in names[r%max(1, len(names)):]+names[:r%max(1, len(names))]: took[name].append(_seconds(calls[name], loops[name]))
    medians = {name: [statistics.median(column) for column in zip(*t)] for name, t in took.items()}
    return {name: dict(seconds=cpu if clock == 'cpu' else wall, wall=wall, cpu=cpu) for name, (wall, cpu) in medians.items()}

def run_row(row, quick=False, clock='wall'):
    "Time one row: a dictionary of plain values. Work of several threads or processes is always timed by the wall clock."
    import torch
    if row.threads > 1 or row.at_most: clock = 'wall'
    torch.set_num_threads(row.threads)
    with tempfile.TemporaryDirectory(prefix='audiostyle-bench-') as folder:
        work = row.prepare(quick, Path(folder))
        if work.same: work.same()
        calls = {'ours': work.ours, **work.peers}
        took = time_in_turns(calls, 1 if quick else max(5, row.repeats), clock)
        extra = {**({work.floor[0]: work.floor[1]} if work.floor else {}), **work.parts}
        parts = time_in_turns(extra, 1 if quick else 5, clock)
    out = dict(number=row.number, work=row.work, threads=row.threads, clock=clock, ours=took['ours'], at_most=row.at_most, targets=row.targets, floor=work.floor and work.floor[0],
               parts=parts, missing=[p for p in row.targets if p not in work.peers], peers=[])
    for name in work.peers:
        ratio, target = took[name]['seconds']/max(took['ours']['seconds'], 1e-9), row.targets.get(name)
        out['peers'].append(dict(name=name, **took[name], ratio=ratio, target=target, met=None if quick or target is None else ratio >= target))
    verdicts = [p['met'] for p in out['peers'] if p['met'] is not None]+([took['ours']['seconds'] <= row.at_most] if row.at_most and not quick else [])
    return {**out, 'met': all(verdicts) if verdicts else None}

def machine():
    "Where and with what this was measured."
    import numpy, torch
    model = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.processor()) if os.path.exists('/proc/cpuinfo') else platform.processor()
    git = subprocess.run(['git', '-C', str(Path(__file__).parent), 'describe', '--always', '--dirty'], capture_output=True, text=True)
    versions = {p: importlib.metadata.version(p) for p in ('numpy', 'torch', 'torchaudio', 'librosa', 'numba', 'pyworld', 'soundfile') if importlib.util.find_spec(p)}
    return dict(cpu=model, cores=os.cpu_count(), load=os.getloadavg()[0] if hasattr(os, 'getloadavg') else None, python=platform.python_version(), commit=git.stdout.strip(), versions=versions)

# ---- printing

def unit(s):
    "Seconds as people read them."
    for u, k in (('s', 1), ('ms', 1e3)):
        if s*k >= 1: return f'{s*k:.3g} {u}'
    return f'{s*1e6:.3g} us'

WIDTHS = (3, 45, 7, 20, 9, 9, 9, 7, 3)
HEAD = ('row', 'work', 'threads', 'peer', 'peer took', 'ours', 'peer/ours', 'target', 'met')
def _line(cells, floor): return '  '.join(str(c).ljust(w) for c, w in zip(cells, WIDTHS))+'  '+floor
def head(): return _line(HEAD, 'floor')

def lines(row):
    "A timed row as lines of the table: one a peer; where a target is missed, the profile follows."
    floor = f"{row['floor']} {unit(row['parts'][row['floor']]['seconds'])}" if row['floor'] else ''
    yes = {True: 'yes', False: 'NO', None: ''}
    start, ours, out = (row['number'], row['work'], row['threads']), unit(row['ours']['seconds']), []
    for p in row['peers']:
        out.append(_line((*start, p['name'], unit(p['seconds']), ours, f"{p['ratio']:.2f} x", '' if p['target'] is None else f">= {p['target']:g}", yes[p['met']]), floor))
        start, floor = ('', '', ''), ''
    if row['at_most']: out.append(_line((*start, '', '', ours, '', f"<= {row['at_most']:g} s", yes[row['met']]), floor))
    for name in row['missing']: out.append(_line(('', '', '', name, 'not installed', '', '', '', ''), ''))
    if row['met'] is False: out += ['       '+'  '.join(f"{n}: {unit(t['seconds'])}" for n, t in row['parts'].items())] if row['parts'] else []
    return [l.rstrip() for l in out]
