"""A training that is killed again and again, at random moments and at every point of saving, and what its successors make of it.

    python benchmarks/kills.py [--kills 50] [--seed 0]

A process trains and stores a checkpoint after every step. SIGKILL ends it: after a random time, or just before the n-th thing that saving does to the disk
(making the folder, writing a file, waiting for it, renaming it, removing the old one). Its successor must go on from the newest whole checkpoint, and the last
of them must end where a training ends that nobody touched: in every bit of parameters, buffers and moments, and in every logged loss."""
import argparse, json, multiprocessing, os, random, signal, sys, tempfile, time, warnings
from dataclasses import dataclass
from pathlib import Path
import torch
from torch import nn
from audiostyle.core.repro import seeded, step_generator
from audiostyle.train.loop import fit, make_fabric
from audiostyle.train.state import TrainState, checkpoints, latest_checkpoint
from audiostyle.train.track import read_metrics

@dataclass
class State(TrainState):
    net: nn.Module
    opt: torch.optim.Optimizer

def state():
    "All that makes resuming hard: random numbers in the step, buffers, moments"
    with seeded(0): net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(.2), nn.Linear(16, 1))
    return State(net, torch.optim.Adam(net.parameters(), lr=1e-2))

def batch(step):
    x = torch.randn(16, 4, generator=step_generator(0, step))
    return {'x': x, 'y': torch.tanh(2*x[:, :1])}

def update(fabric, s, batch):
    loss = (s.net(batch['x'])-batch['y']).square().mean()
    s.opt.zero_grad(); fabric.backward(loss); s.opt.step()
    return {'train/loss': loss.detach()}

def train(folder, steps, **options): return fit(state(), update, batch, steps, folder, fabric=make_fabric('cpu'), checkpoint_every=1, log_every=1, progress=False, **options)

POINTS = ('mkdir', 'open', 'fsync', 'rename', 'replace', 'unlink', 'rmdir')    # of the module os: all that changes the disk passes one of them

def armed(folder, at, skip=0):
    "Train until SIGKILL, which strikes before the disk is touched for the `at`-th time after `skip` whole checkpoints"
    touched = 0
    def strike(name, real):
        def call(*args, **kwargs):
            nonlocal touched
            if len(checkpoints(folder)) and int(checkpoints(folder)[0].name[5:]) >= skip:
                touched += 1
                if touched == at: os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)
        return call
    for name in POINTS: setattr(os, name, strike(name, getattr(os, name)))
    train(folder, 10**9)

def child(target, *args):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)                     # forking a process that has threads
        p = multiprocessing.get_context('fork').Process(target=target, args=args); p.start()
    return p

def newest(folder): return int(checkpoints(folder)[0].name[5:]) if checkpoints(folder) else 0

def kill_at_random(folder, moments):
    "Start a training, let it store something new, and kill it soon after; exit code"
    before, p = newest(folder), child(train, folder, 10**9)
    limit = time.time()+60
    while newest(folder) == before and p.is_alive() and time.time() < limit: time.sleep(.002)
    time.sleep(moments.uniform(0, .04)); os.kill(p.pid, signal.SIGKILL); p.join()
    return p.exitcode

def kill_in_saving(folder, at):
    "Start a training and let it die at a point of its second saving; exit code"
    p = child(armed, folder, at, newest(folder)+1); p.join(60)
    if p.is_alive(): p.kill(); p.join()
    return p.exitcode

def bits(s): return [*s.net.state_dict().values(), *(v for p in s.opt.state_dict()['state'].values() for v in p.values())]

def campaign(folder, kills, seed=0, tell=lambda *_: None):
    "Kill `kills` times, every other time within saving; (how many were survived, resumed steps)"
    moments, good, steps = random.Random(seed), 0, []
    for i in range(kills):
        code = kill_in_saving(folder, 1+i//2%24) if i % 2 else kill_at_random(folder, moments)
        with warnings.catch_warnings(): warnings.simplefilter('error'); whole = latest_checkpoint(folder)      # a torn one would be passed over with a warning
        steps.append(int(whole.name[5:])); ok = code == -signal.SIGKILL and whole == checkpoints(folder)[0] and (len(steps) < 2 or steps[-1] > steps[-2])
        good += ok; tell(i, 'within saving' if i % 2 else 'at random', code, whole.name, ok)
    return good, steps

def verify(folder, extra=3):
    "Let the last successor finish; whether it ends like a training that nobody touched"
    end = newest(folder)+extra; a, b = train(folder, end), fit(state(), update, batch, end, None, fabric=make_fabric('cpu'), log_every=1, progress=False)
    reference = Path(tempfile.mkdtemp()); fit(state(), update, batch, end, reference, fabric=make_fabric('cpu'), log_every=1, checkpoint_every=end, progress=False)
    rows = [[(r['step'], r['train/loss']) for r in read_metrics(d)] for d in (folder, reference)]
    return all(torch.equal(x, y) for x, y in zip(bits(a), bits(b), strict=True)) and rows[0] == rows[1] and len(rows[0]) == end and not [n for n in os.listdir(folder) if '.tmp-' in n]

def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--kills', type=int, default=50); p.add_argument('--seed', type=int, default=0)
    a = p.parse_args(argv); torch.set_num_threads(1); make_fabric('cpu')
    with tempfile.TemporaryDirectory() as folder:
        good, steps = campaign(Path(folder), a.kills, a.seed, lambda i, how, code, name, ok: print(f'{i+1:3d} {how:14s} {name} {"" if ok else "FAILED"}', flush=True))
        same = verify(Path(folder))
    print(f'{good} of {a.kills} resumed from the newest whole checkpoint; the last one {"ends" if same else "DOES NOT END"} in the same bits as a training that was left alone')
    return 0 if good == a.kills and same else 1

if __name__ == '__main__': sys.exit(main())
