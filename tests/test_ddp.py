"Two processes on one batch do what one process does; they stop together, and their checkpoints are the same kind. One start of two processes serves all tests."
import json, os, signal, subprocess, sys, warnings
from dataclasses import dataclass
from pathlib import Path
import pytest
import torch
from torch import nn
from audiostyle.core.repro import seeded, step_generator
from audiostyle.train.diagnosis import read_bundle, replay
from audiostyle.train.guard import Guard
from audiostyle.train.loop import fit, make_fabric
from audiostyle.train.state import TrainState, checkpoints
from audiostyle.train.track import Tracker, read_metrics

@dataclass
class State(TrainState):
    net: nn.Module
    frozen: nn.Module
    opt: torch.optim.Optimizer

def state():
    with seeded(0): net, frozen = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1)), nn.Linear(1, 1).requires_grad_(False)
    return State(net, frozen, torch.optim.Adam(net.parameters(), lr=1e-2))

def batch(step):
    x = torch.randn(16, 4, generator=step_generator(0, step))
    return {'x': x, 'y': torch.tanh(2*x[:, :1])+.5*x[:, 1:2], 'names': [f'utterance {i}' for i in range(16)], 'scale': torch.tensor(1.)}

def update(fabric, s, batch):
    loss = (s.frozen(s.net(batch['x']))*batch['scale']-batch['y']).square().mean()
    s.opt.zero_grad(); fabric.backward(loss); s.opt.step()
    return {'train/loss': loss.detach(), 'train/rows': float(len(batch['x']))}

def spoilt(step):
    b = batch(step)
    if step == 7: b['x'][5, 2] = float('nan')                   # an odd row: the second process has it
    return b

def weights(s): return [p.tolist() for p in s.net.parameters()]

def two(folder):
    "What each of the two processes does, and what it saw."
    folder, fabric = Path(folder), make_fabric('cpu', devices=2)
    rank, out = fabric.global_rank, {}
    def ending(*args, **kwargs):
        s = state()
        try: fit(s, *args, fabric=fabric, **kwargs)
        except BaseException as e: return dict(kind=type(e).__name__, text=str(e), step=s.step, weights=weights(s))
        return dict(kind='done', step=s.step, weights=weights(s))
    tracker = Tracker()
    fit(s := state(), update, batch, 40, folder/'two', fabric, log_every=1, checkpoint_every=20, tracker=tracker)
    out['whole'] = dict(rows=[r['train/loss'] for r in tracker.rows], share=tracker.rows[0]['train/rows'], weights=weights(s))
    out['resumed'] = ending(update, batch, 40, folder/'from_one', log_every=1)
    out['diverged'] = ending(update, spoilt, 40, folder/'bad', checkpoint_every=5)
    out['skipped'] = ending(update, spoilt, 20, guard=Guard(nonfinite='skip'))
    out['ragged'] = ending(update, lambda k: {'x': torch.ones(15, 4)}, 5)
    out['busy'] = ending(update, batch, 50, folder/'two', resume=False)
    def terminated(fabric, s, b):
        if s.step == 11 and rank == 1: os.kill(os.getpid(), signal.SIGTERM)
        return update(fabric, s, b)
    out['stopped'] = ending(terminated, batch, 40, folder/'stopped')
    own = []
    def noise(fabric, s, b): own.append(float(torch.rand(()))); return {'x/draw': own[-1]}
    tracker = Tracker(); fit(state(), noise, batch, 2, fabric=fabric, tracker=tracker, log_every=1)
    out['noise'] = [own, [r['x/draw'] for r in tracker.rows]]
    (folder/f'rank{rank}.json').write_text(json.dumps(out))

if __name__ == '__main__': two(sys.argv[1]); sys.exit()

@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    "The folder after two processes have run, and what each of them saw."
    folder, before = tmp_path_factory.mktemp('ddp'), torch.get_num_threads()
    torch.set_num_threads(1)
    fit(state(), update, batch, 20, folder/'from_one', make_fabric('cpu'), log_every=1)
    env = {k: v for k, v in os.environ.items() if k not in ('LOCAL_RANK', 'MASTER_PORT', 'WORLD_SIZE', 'NODE_RANK')}
    process = subprocess.Popen([sys.executable, __file__, str(folder)], env={**env, 'OMP_NUM_THREADS': '1', 'GLOO_SOCKET_IFNAME': 'lo'},
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try: text = process.communicate(timeout=240)[0]
    except subprocess.TimeoutExpired: os.killpg(process.pid, signal.SIGKILL); pytest.fail(f'two processes hang: {process.communicate()[0][-3000:]}')
    assert process.returncode == 0, text[-3000:]
    yield folder, [json.loads((folder/f'rank{r}.json').read_text()) for r in (0, 1)]
    torch.set_num_threads(before)

def close(a, b): return all(torch.allclose(torch.tensor(x), torch.tensor(y), rtol=1e-5, atol=1e-6) for x, y in zip(a, b, strict=True))

def test_the_losses_of_two_are_those_of_one_with_the_whole_batch(ranks):
    folder, (a, b) = ranks
    s = state(); t = Tracker(); fit(s, update, batch, 40, fabric=make_fabric('cpu'), tracker=t, log_every=1)
    one = [r['train/loss'] for r in t.rows]
    worst = max(abs(x-y)/y for x, y in zip(one, a['whole']['rows']))
    print(f'largest relative difference of {len(one)} losses: {worst:.1e}')
    assert worst < 1e-5 and a['whole']['rows'] == b['whole']['rows'] and a['whole']['share'] == 8
    assert close(a['whole']['weights'], weights(s)) and a['whole']['weights'] == b['whole']['weights']

def test_each_process_draws_its_own_noise_and_scalars_are_means(ranks):
    (mine, mean), (other, again) = (r['noise'] for r in ranks[1])
    assert mine != other and mean == again == [(x+y)/2 for x, y in zip(mine, other)]

def test_checkpoints_pass_between_one_and_two(ranks):
    folder, (a, b) = ranks
    assert a['resumed']['kind'] == 'done' and a['resumed']['weights'] == b['resumed']['weights']
    s = state(); fit(s, update, batch, 40, fabric=make_fabric('cpu'))
    assert close(a['resumed']['weights'], weights(s)) and [r['step'] for r in read_metrics(folder/'from_one')] == list(range(1, 41))
    assert [p.name for p in checkpoints(folder/'two')] == ['step-000040', 'step-000020']
    s = state()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always'); fit(s, update, batch, 50, folder/'two', make_fabric('cpu'))
    assert any('processes 2 then and 1 now' in str(w.message) for w in seen)
    t = state(); fit(t, update, batch, 50, fabric=make_fabric('cpu')); assert close(weights(s), weights(t))

def test_a_bad_number_in_one_process_stops_both(ranks):
    folder, (a, b) = ranks
    d = a['diverged']
    assert d == b['diverged'] and (d['kind'], d['step']) == ('DivergedError', 7)
    assert 'process 1: step 8: the loss is nan; in its batch x is not finite; rows utterance 5; ' in d['text'] and str(folder/'bad'/'bundle-000008') in d['text']
    bundle = read_bundle(folder/'bad'/'bundle-000008')
    assert bundle.batch['x'].shape == (8, 4) and bundle.record['blamed'] == ['utterance 5']
    assert replay(bundle, state(), update, make_fabric('cpu')).layers == bundle.finding.layers
    assert a['skipped']['kind'] == 'done' and a['skipped'] == b['skipped']

def test_a_signal_to_one_process_stops_both_after_the_same_step(ranks):
    folder, (a, b) = ranks
    for r in (a, b): assert (r['stopped']['kind'], r['stopped']['text'], r['stopped']['step']) == ('SystemExit', '143', 12)
    assert [p.name for p in checkpoints(folder/'stopped')] == ['step-000012']

def test_refusals_reach_both(ranks):
    for r in ranks[1]:
        assert r['ragged']['kind'] == 'SettingsError' and '2 processes cannot share a batch of 15 x' in r['ragged']['text']
        assert r['busy']['kind'] == 'CheckpointError' and 'holds checkpoints of an earlier run' in r['busy']['text']
