"""Row 11: samples of a WaveNet with 30 layers of 64 channels, for one voice and for 16 at once, against the same rings in PyTorch operations."""
import torch
from .timing import Row, Work

def _case(voices, quick):
    "A network whose samples are far from silence, what is asked of it, and how many samples are timed."
    from audiostyle.voice.wavenet import WaveNet, small
    from audiostyle.voice.wavenet_sampling import _request, uniform_numbers
    torch.manual_seed(0); n = 20 if quick else 400
    net = WaveNet(small(layers=4, stacks=1, residual=8) if quick else small(layers=30, stacks=3)).eval(); net.logits.weight.data *= 10
    return net, _request(net, n, None, None, 1., uniform_numbers(voices, n), 0, None, None, 0, voices)

def _work(voices, quick):
    from audiostyle.voice import wavenet_sampling as w
    net, asked = _case(voices, quick); packed = w.pack(net)
    def ours(): return w.sample_compiled(net, asked)
    def eager(): return w.sample_eager(net, asked, torch.float32)
    def double(): return w.sample_eager(net, asked)
    def same(): assert torch.equal(ours(), double()) and (ours() == eager()).float().mean() > .9
    z = torch.zeros(voices, packed.product.shape[1])
    def products():
        for t in range(asked.uniforms.shape[1]):
            for l in range(len(packed.taps)): z@packed.taps[l, 0]; z@packed.taps[l, 1]; z@packed.product[l]
    return Work(ours, {'eager ring buffer': eager, 'eager, double precision': double}, ('the products alone, in torch', products), {'packing the weights': lambda: w.pack(net)}, same)

def one(quick, folder): return _work(1, quick)
def sixteen(quick, folder): return _work(16, quick)

ROWS = [Row(11, '400 samples of a WaveNet, 30 x 64, one voice', one, {'eager ring buffer': 8.}, repeats=5),
        Row(11, '400 samples of a WaveNet, 30 x 64, 16 voices', sixteen, {'eager ring buffer': 3.}, repeats=5)]
