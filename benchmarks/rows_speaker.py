"""Row 20: a training step of the thin ResNet-34 on 32 windows of 2 s, in the library's memory format and in the usual one."""
import copy
import torch
from torch import nn
from torch.nn import functional as F
from .timing import Row, Work

THIN = dict(channels=(16, 32, 64, 128), blocks=(3, 4, 6, 3), first=(2, 1))     # of the public trainer of VoxCeleb, which is no package: its network is written again below

class Squeeze(nn.Module):
    "A block of ours with its channels weighted by what a small network makes of their means."
    def __init__(self, block, c):
        super().__init__(); self.body, self.skip, self.gate = block.body, block.skip, nn.Sequential(nn.Linear(c, c//8), nn.ReLU(inplace=True), nn.Linear(c//8, c), nn.Sigmoid())
    def forward(self, x): y = self.body(x); return (y*self.gate(y.mean((2, 3)))[:, :, None, None]+self.skip(x)).relu()

class Trainer(nn.Module):
    "That trainer's network from sound to code: mel powers, instance norm, squeeze and excitation, attentive pooling; the usual memory format."
    def __init__(self, maps, n_out, n_mels, mel):
        super().__init__(); self.mel, self.norm = mel, nn.InstanceNorm1d(n_mels)
        self.maps = nn.Sequential(*[Squeeze(m, m.body[0].out_channels) if hasattr(m, 'body') else m for m in maps])
        c = THIN['channels'][-1]; self.look, self.ask, self.out = nn.Linear(c, c), nn.Parameter(torch.randn(c, 1)), nn.Linear(c, n_out)
    def forward(self, sound):
        with torch.no_grad(): x = self.norm((self.mel(sound)+1e-6).log())
        x = self.maps(x[:, None]).mean(2).transpose(1, 2); w = (torch.tanh(self.look(x))@self.ask).softmax(1); return self.out((x*w).sum(1))

def usual(net):
    "A copy of a network whose maps lie in the usual order."
    net = copy.deepcopy(net); net.maps.to(memory_format=torch.contiguous_format); net.forward = lambda x: net.out(net.maps(x[:, None]).mean((2, 3))); return net

def stepper(net, classes, x, who, bfloat16=False):
    "A step of cross-entropy and Adam; gives the loss before it."
    optimiser = torch.optim.Adam([*net.parameters(), *classes.parameters()], 1e-3)
    def step():
        with torch.autocast('cpu', torch.bfloat16, enabled=bfloat16): loss = F.cross_entropy(classes(net(x)).float(), who)
        optimiser.zero_grad(); loss.backward(); optimiser.step(); return float(loss)
    return step

def training_step(quick, folder):
    import torchaudio
    from audiostyle.signal.spectral import log_compress
    from audiostyle.speaker.disentangled import ResNet
    torch.manual_seed(0); b, speakers, n_mels = (2, 10, 64) if quick else (32, 1000, 64); sound, who = .1*torch.randn(b, 8000 if quick else 32000), torch.randint(speakers, (b,))
    mel = torchaudio.transforms.MelSpectrogram(16000, 512, 400, 160, n_mels=n_mels, window_fn=torch.hamming_window); x = log_compress(mel(sound)); x = x-x.mean()
    net, classes = ResNet(512, **THIN), nn.Linear(512, speakers); made = lambda n, *a: stepper(n, copy.deepcopy(classes), *a, who)
    ours, plain, trainer = made(copy.deepcopy(net), x), made(usual(net), x), made(Trainer(usual(net).maps, 512, n_mels, mel), sound)
    half, forward = stepper(copy.deepcopy(net), copy.deepcopy(classes), x, who, True), copy.deepcopy(net)
    def same():
        a, c = made(copy.deepcopy(net), x), made(usual(net), x); assert abs(a()-c()) < 1e-4 and abs(a()-c()) < 2e-2     # the second loss stands after a step of Adam, which looks at signs
    def looked():
        with torch.no_grad(): forward(x)
    return Work(ours, {'voxceleb_trainer': trainer, 'default layout': plain}, ('forward alone', looked), {'in bfloat16': half, 'mel powers': lambda: mel(sound)}, same)

ROWS = [Row(20, 'training step, thin ResNet-34, 32 x 2 s', training_step, {'voxceleb_trainer': 1.25})]
