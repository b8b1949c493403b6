"""Feed the readers of this package with mutants of what they read, and hold them to their promise: a mutant is accepted as what it is, or refused
with an `AudiostyleError` that names the file, the cause and a remedy. Anything else is a finding: another exception, another warning than `AudioWarning`,
a crash, more than 5 s of computing or a minute of waiting, more than 300 MB, or an accepted mutant that breaks an oracle.

    python benchmarks/fuzz.py --mutants 200000 --seed 0 --jobs 2
    python benchmarks/fuzz.py --kinds wav manifest --mutants 5000
    python benchmarks/fuzz.py --replay .cache/fuzz/wav-0-1234        # one finding again, with its traceback

A mutant is made from (seed, kind, number) alone, and those that found something are kept in .cache/fuzz with what is needed to run them again."""
import argparse, faulthandler, io, json, multiprocessing as mp, os, random, re, resource, shutil, sys, tempfile, time, traceback, warnings
from collections import Counter
from multiprocessing.connection import wait
from pathlib import Path
os.environ.setdefault('OMP_NUM_THREADS', '1')
import numpy as np, soundfile as sf, torch
import mutants as m
from audiostyle.core.config import fingerprint, from_dict, override, parse_value, to_dict
from audiostyle.core.errors import AudiostyleError, AudioWarning, DivergedError
from audiostyle.core.store import ArrayStore, hash_arrays, read_json, sha256_bytes

SLOW, MEMORY, ROOM = 5., 300, 2000        # Most seconds, most MB that one mutant may add; MB of address space above that of the start
KEPT = Path(__file__).resolve().parents[1]/'.cache'/'fuzz'

class Finding(Exception):
    "An accepted mutant that is not what it was said to be, or a refusal that says too little."

def must(condition, text):
    if not condition: raise Finding(text)

class Kind:
    "One sort of input: `bases()` gives valid examples (name to bytes), `mutate` changes one, `check` reads it from a folder."
    share, files = 1, True                # of all mutants; whether a refusal has a path to name
    def __init__(self): self.base = None
    def ready(self):
        if self.base is None: self.base = self.bases()
    def make(self, seed, number):
        "The files of a mutant and a note for the check."
        self.ready(); rng = random.Random(f'{seed}/{self.name}/{number}'); return self.mutate(rng)
    def one(self, rng, files, others=None):
        "A copy of `files` in which one is mutated by the mutator of its ending."
        name = rng.choice([n for n in files if not n.endswith(('/', '.wav.'))]); pool = [b[name] for b in self.base if name in b] or [files[name]]
        return {**files, name: self.mutators.get(name.rpartition('.')[2], m.anything)(rng, files[name], pool)}
    mutators = dict(json=m.json_text, ipynb=m.json_text, safetensors=m.tensors, jsonl=lambda r, d, o: m.lines(r, d, o, m.json_text), txt=lambda r, d, o: m.lines(r, d, o, m.words),
                    phn=lambda r, d, o: m.lines(r, d, o, m.words), lab=lambda r, d, o: m.lines(r, d, o, m.words), data=lambda r, d, o: m.lines(r, d, o, m.words))
    def mutate(self, rng):
        which = rng.randrange(len(self.base)); return self.one(rng, self.base[which]), dict(base=which, dice=rng.random())

KINDS = {}
def kind(cls): cls.name = cls.__name__.lower(); KINDS[cls.name] = cls(); return cls

# Sound

def wave(seconds=.06, rate=16000, channels=1):
    t = np.arange(int(seconds*rate))/rate
    return np.stack([.5*np.sin(2*np.pi*(200+90*c)*t)*np.hanning(len(t)) for c in range(channels)], 1)

def encoded(fmt, subtype, **how):
    f = io.BytesIO(); rate = how.get('rate', 16000); sf.write(f, wave(**how), rate, subtype, format=fmt); return f.getvalue()

class Sound(Kind):
    def bases(self):
        out = []
        for fmt, subtype, *how in self.formats:
            try: out.append({f'a.{fmt.lower()}': encoded(fmt, subtype, **(how[0] if how else {}))})
            except (sf.LibsndfileError, ValueError): pass      # this libsndfile was built without it
        return out
    def mutate(self, rng):
        which = rng.randrange(len(self.base)); (name, data), = self.base[which].items()
        return {name: m.sound(rng, data, [d for b in self.base for d in b.values()])}, dict(base=which, dice=rng.random())
    def check(self, folder, note):
        from audiostyle.signal.soundfiles import blocks, info, load
        path = next(folder.iterdir()); r = random.Random(note['dice'])
        rate, mono, strict, opened = r.choice((None, None, None, 8000, 16000, 22050)), r.random() < .7, r.random() < .1, r.random() < .1
        source = (lambda: io.BytesIO(path.read_bytes())) if opened else (lambda: path)
        try: about = info(source())
        except AudiostyleError as e: about = e
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always'); x, got = load(source(), rate, mono, strict=strict)
        must(not isinstance(about, Exception), f'load accepts what info refuses ({about})'); must(got == (rate or about.sample_rate), f'rate {got}')
        must(x.dtype == torch.float32 and x.ndim == 2 and x.shape[0] == (1 if mono else about.channels) and x.shape[1] > 0, f'{x.dtype} {tuple(x.shape)}')
        must(bool(x.isfinite().all()) and float(x.abs().max()) <= 1, f'peak {float(x.abs().max())}')
        cut = any('was cut' in str(w.message) for w in caught)
        must(all(issubclass(w.category, AudioWarning) for w in caught), f'warns {caught[0].category.__name__ if caught else ""}')
        must(not (strict and cut), 'a cut file passed strict'); must(about.declared >= about.frames, f'declared {about.declared}, found {about.frames}')
        if rate is None: must(x.shape[1] <= about.frames and (x.shape[1] == about.frames or cut), f'info says {about.frames}, load gives {x.shape[1]}')
        if mono:
            y = torch.cat(list(blocks(source(), r.choice((.01, .05, 10.)), rate)), 1)
            alike = x.shape == y.shape and float((x-y).abs().max()) <= 1e-5
            if not alike and about.subtype == 'OPUS': return 'accepted'      # libopus decodes damaged packets to what its memory held, another sound each time
            must(alike, f'blocks differ from load: {tuple(x.shape)} {tuple(y.shape)}')
        return 'accepted'

@kind
class Wav(Sound):
    share, formats = 60, [('WAV', s) for s in 'PCM_16 PCM_U8 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM GSM610 G721_32 NMS_ADPCM_16'.split()]+[('RF64', 'PCM_16'), ('RF64', 'FLOAT'), ('WAVEX', 'PCM_24', dict(channels=6)), ('WAVEX', 'FLOAT', dict(channels=2)), ('WAV', 'PCM_16', dict(channels=2, rate=44100))]
    def bases(self):
        found = super().bases(); data = next(iter(found[0].values()))
        extra = b'LIST\x1a\0\0\0INFOINAM\x06\0\0\0title\0ISFT\0\0\0\0'+b'cue \x1c\0\0\0\x01\0\0\0'+bytes(24)+b'bext\x5a\x02\0\0'+bytes(602)
        return found+[{'a.wav': data[:36]+extra+data[36:]}, {'a.wav': data+extra}]
@kind
class Sounds(Sound):
    share, formats = 22, [('AIFF', s) for s in 'PCM_16 PCM_24 FLOAT ULAW IMA_ADPCM GSM610 DWVW_16'.split()]+[('AU', s) for s in 'PCM_16 PCM_32 FLOAT ULAW G721_32'.split()]+[('W64', s) for s in 'PCM_16 DOUBLE IMA_ADPCM MS_ADPCM'.split()]+\
        [('CAF', s) for s in 'PCM_16 FLOAT ALAC_16 ALAC_24'.split()]+[('NIST', 'PCM_16'), ('NIST', 'ULAW'), ('VOC', 'PCM_16', dict(rate=8000)), ('SVX', 'PCM_16'), ('PAF', 'PCM_24'), ('PVF', 'PCM_16'), ('IRCAM', 'FLOAT'), ('HTK', 'PCM_16'), ('AVR', 'PCM_16'), ('MAT4', 'PCM_16'), ('MAT5', 'PCM_16'), ('MPC2K', 'PCM_16'), ('SDS', 'PCM_16'), ('WVE', 'ALAW', dict(rate=8000)), ('XI', 'DPCM_16', dict(rate=44100))]
@kind
class Packed(Sound): share, formats = 30, [('FLAC', 'PCM_16'), ('FLAC', 'PCM_16', dict(channels=2)), ('FLAC', 'PCM_24'), ('FLAC', 'PCM_S8'), ('OGG', 'VORBIS'), ('OGG', 'OPUS', dict(rate=48000)), ('MP3', 'MPEG_LAYER_III'), ('MP3', 'MPEG_LAYER_III', dict(seconds=.3, channels=2)), ('WAV', 'MPEG_LAYER_III')]

# Corpora

@kind
class Manifest(Kind):
    share = 25
    def bases(self):
        row = lambda i, **more: json.dumps(dict(id=f'u{i}', path=f'{"ab"[i%2]}/u{i}.wav', split=('train', 'test')[i//2%2], speaker='ab'[i%2], **more), ensure_ascii=False)
        return [{'m.jsonl': '\n'.join(row(i) for i in range(4)).encode()+b'\n'}, {'m.jsonl': '\n'.join(row(i, gender='fm'[i%2], text='Où est-ce ? 声', duration=1.25, phones=[[0., .1, 'h#'], [.1, 1.2, 'aa']]) for i in range(6)).encode()}]
    def check(self, folder, note):
        from audiostyle.data.manifest import read_manifest
        read = read_manifest(folder/'m.jsonl', disjoint=note['dice'] < .3); out = folder/'out.jsonl'
        for u in read: must('..' not in Path(u.path).parts and not os.path.isabs(u.path), f'path {u.path!r}')
        read.write(out); must(read_manifest(out) == read, 'does not survive being written'); str(read.table()); repr(read)
        return 'accepted'

@kind
class Trials(Kind):
    share = 15
    def bases(self):
        row = '1 id1/v/1.wav id1/w/2.wav{0}\n0 id1/v/1.wav id2/v/1.wav{1}\n1\tid2/my take.wav\tid2/v/1.wav{2}\n\ntgt id2/v/1.wav id2/w/3.wav{3}\nid1/w/2.wav id2/w/3.wav imp{4}\n'
        return [{'t.txt': row.format(*['']*5).encode()}, {'t.txt': row.format(' .5', ' -1e-3', '\t.25', ' 1', ' 0').replace('\n', '\r\n').encode()}, {'t.txt': b'\xef\xbb\xbf1 a.wav b.wav\n0 a.wav c.wav'}]
    def check(self, folder, note):
        from audiostyle.data.trial_lists import read_scores, read_trials, trial_speakers, write_trials
        read, scores = (lambda r: r if isinstance(r, tuple) else (r, None))((read_scores if note['base'] == 1 else read_trials)(folder/'t.txt')); out = folder/'out.txt'
        must({t.same for t in read} == {True, False}, 'only one kind of pair'); must(scores is None or np.isfinite(scores).all() and len(scores) == len(read), 'scores'); must(trial_speakers(read).shape == (len(read), 2), 'speakers')
        for t in read: must(not any(os.path.isabs(n) or '..' in Path(n).parts for n in t[1:3]), f'path {t}')
        write_trials(out, read, scores); must([t[:3] for t in read_trials(out)] == [t[:3] for t in read] if scores is None else [t[:3] for t in read_scores(out)[0]] == [t[:3] for t in read], 'does not survive being written')
        return 'accepted'

@kind
class Embedded(Kind):
    share = 8
    def bases(self):
        from audiostyle.speaker.verify import Embeddings, save_embeddings
        out = []
        with tempfile.TemporaryDirectory() as d:
            for name in ('e.npz', 'e.csv'): out.append({name: save_embeddings(Path(d)/name, Embeddings(('a b.wav', 'ü.wav', 'c'), np.eye(3, 5, dtype='f4'))).read_bytes()})
        return out
    def check(self, folder, note):
        from audiostyle.speaker.verify import load_embeddings
        e = load_embeddings(next(folder.iterdir())); must(e.vectors.ndim == 2 and len(e.names) == len(e.vectors) and np.isfinite(e.vectors).all() and all(isinstance(n, str) for n in e.names), f'{e.vectors.shape} {len(e.names)}')
        return 'accepted'

@kind
class Remarks(Kind):
    share = 8
    def bases(self):
        out, said = [], json.dumps(dict(synthetic=True, software='audiostyle 0', voice={'slt': 1}, source_sha256='ab'*32, target_sha256=['cd'*32]))
        for fmt, subtype in (('WAV', 'PCM_16'), ('FLAC', 'PCM_16'), ('OGG', 'VORBIS'), ('AIFF', 'PCM_16')):
            f = io.BytesIO()
            with sf.SoundFile(f, 'w', 16000, 1, subtype, format=fmt) as s: s.comment = said; s.write(wave())
            out.append({f'a.{fmt.lower()}': f.getvalue()})
        return out
    mutators = {e: m.sound for e in ('wav', 'flac', 'ogg', 'aiff')}
    def check(self, folder, note):
        from audiostyle.pipelines.provenance import provenance
        from audiostyle.studio.cli_info import _lines
        from audiostyle.signal.soundfiles import info
        path = next(folder.iterdir()); said = provenance(path); must(said is None or isinstance(said['synthetic'], bool), f'{said}'); must(all(isinstance(l, str) for l in _lines(path, info(path), said, None)), 'lines')
        return 'accepted'

@kind
class Labels(Kind):
    share = 8
    def bases(self):
        return [{'a.phn': b'0 1500 h#\n1500 2900 sh\n2900 4000 ix\n4000 4100 q\n4100 8000 h#\n'}, {'a.lab': b'#\n0.11 125 pau\n0.20 125 ao\n0.31 125 th\n0.6 125 pau\n'}]
    def check(self, folder, note):
        from audiostyle.signal.phonemes import TIMIT39, fold_segments, read_lab, read_phn, to_frames
        path = next(folder.iterdir()); found = read_phn(path) if path.suffix == '.phn' else read_lab(path)
        must(all(np.isfinite([s.start, s.end]).all() and 0 <= s.start < s.end for s in found) and all(a.end <= b.start+1e-6 for a, b in zip(found, found[1:])), f'segments {found[:3]}')
        try: small = fold_segments(found)
        except AudiostyleError: return 'accepted'
        if small: must(len(to_frames(small, 100, .01, TIMIT39)) == 100, 'frames')
        return 'accepted'

@kind
class Corpus(Kind):
    share = 5
    def bases(self):
        return [{'wav48/p225/p225_001.wav': b'', 'wav48/p226/p226_001.wav': b'', 'txt/p225/p225_001.txt': b'Please call Stella.\n', 'speaker-info.txt': b'ID  AGE  GENDER  ACCENTS\n225  23  F    English\n226  22  M    English\n'},
                {'cmu_us_bdl_arctic/wav/arctic_a0001.wav': b'', 'cmu_us_bdl_arctic/etc/txt.done.data': b'( arctic_a0001 "Author of the danger trail, \\"Philip\\"." )\n', 'cmu_us_bdl_arctic/lab/arctic_a0001.lab': b'#\n0.11 125 pau\n0.20 125 ao\n'},
                {'19/198/19-198-0001.flac': b'', '19/198/19-198.trans.txt': b'19-198-0001 NORTHANGER ABBEY\n', 'SPEAKERS.txt': b'; ID | SEX | SUBSET\n19 | F | train-clean-100\n'},
                {'TRAIN/DR1/FCJF0/SA1.wav': b'', 'TRAIN/DR1/FCJF0/SA1.phn': b'0 1500 h#\n1500 2900 sh\n', 'TRAIN/DR1/FCJF0/SA1.txt': b'0 46797 She had your dark suit.\n'},
                {'a/one.wav': b'', 'b/two.wav': b'', 'a/one.txt': b'text\n', 'speakers.json': b'{"a": {"gender": "f"}, "b": {"gender": "male"}}'}]
    def mutate(self, rng):
        which = rng.randrange(len(self.base)); files = self.base[which]; texts = {n: d for n, d in files.items() if d}
        return {**files, **self.one(rng, texts)}, dict(base=which, dice=rng.random())
    def check(self, folder, note):
        from audiostyle.data.speech import read_corpus
        read = read_corpus(folder, headers=False); out = folder/'out.jsonl'; read.write(out); must(type(read).read(out) == read, 'does not survive being written')
        return 'accepted'

# Settings

def settings_classes():
    from audiostyle.signal.spectral import MelSettings
    from audiostyle.signal.world import WorldSettings
    from audiostyle.voice.vae import PRESETS
    return [MelSettings(), WorldSettings(), *(p() for p in PRESETS.values())]

@kind
class Settings(Kind):
    share, files = 30, False
    def bases(self): self.known = settings_classes(); return [{'s.json': json.dumps(to_dict(s)).encode()} for s in self.known]
    def mutate(self, rng):
        files, note = super().mutate(rng)
        if rng.random() < .5: return files, note
        flat = lambda d, at='': [p for k, v in d.items() for p in (flat(v, f'{at}{k}.') if isinstance(v, dict) else [(at+k, v)])]
        known = flat(to_dict(self.known[note['base']])); odd = lambda v: o.text if isinstance(o := m.odd(rng, v), m.Raw) else str(o) if rng.random() < .5 else json.dumps(o)
        def word():
            key, value = rng.choice(known); text = f'{key}={odd(value) if rng.random() < .8 else value}'
            if rng.random() < .2: text = rng.choice((f'{key}', f'={value}', f'{key}.x={value}', f'{key}=={value}', f'.{key}=1', f'{key}..=1', f'{key.split(".")[0]}=3', f'{key}=({value},', f'{key}='+'('*rng.choice((5, 100, 5000)), f'{key}='+'-'*5000+'1', f'{key}=1j', f"{key}=b'x'", f'{key}={{1,2}}', f'{key}=0x10', f'{key}=1_0', f'{key}=9'+'9'*5000))
            return text if rng.random() < .9 else m.anything(rng, text.encode('utf-8', 'surrogatepass'), [b'a=1']).decode('utf-8', rng.choice(('surrogateescape', 'replace')))
        return {'words.json': json.dumps([word() for _ in range(rng.choice((1, 1, 2, 3)))]).encode()}, note
    def check(self, folder, note):
        path = next(folder.iterdir()); start = self.known[note['base']]; values = read_json(path)
        if path.name == 's.json': x = from_dict(type(start), values)
        elif note['dice'] < .7: x = override(start, values)
        else:
            from audiostyle.studio.recipes import check_parameters, check_settings, find_recipe, parameters_from, read_parameters
            recipe = find_recipe('vae'); given = check_parameters(recipe, parameters_from(read_parameters(recipe), values)); x = check_settings('vae', given['preset'], given['overrides'])
        must(from_dict(type(x), json.loads(json.dumps(to_dict(x), allow_nan=False))) == x, 'does not survive a trip through JSON'); must(len(fingerprint(x)) == 12, 'fingerprint')
        return 'accepted'

# Models, checkpoints, caches, runs

def _name(k, t): return f'{k}{t.dtype}{tuple(t.shape)}'.encode('utf-8', 'surrogatepass')
def digest(tensors): return hash_arrays(*(np.frombuffer(_name(k, t)+t.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes(), np.uint8) if t.numel() else np.frombuffer(_name(k, t), np.uint8) for k, t in sorted(tensors.items())))

class Sealed(Kind):
    "Folders with a record and digests: changed in any way, or changed and sealed again, as a forger would."
    def mutate(self, rng):
        which = rng.randrange(len(self.base)); files = dict(self.base[which]); mode = rng.random(); again = False
        if mode < .35: files = self.one(rng, files)
        elif mode < .45:
            name = rng.choice(list(files)); other = rng.choice(list(files)); what = rng.randrange(6)
            if what == 0: del files[name]
            elif what == 1: files[name], files[other] = files[other], files[name]
            elif what == 2: files[name] = rng.choice(self.base).get(name, b'')
            elif what == 3: files[name] = b''
            elif what == 4: del files[name]; files['model.pt'] = b'\x80\x04'
            else: del files[name]; files[name+'/x'] = b''
        else:
            again = True
            if rng.random() < .4: name = rng.choice([n for n in files if n.endswith('.safetensors')]); files[name] = m.tensors(rng, files[name], [files[name]])
            record = json.loads(files[self.record]); seal = record.pop('seal'); digests = record.pop('sha256')
            if rng.random() < .75: record = m.json_value(rng, record)
            digests = {n: sha256_bytes(files[n]) for n in digests}
            if rng.random() < .05: digests = m.json_value(rng, digests)
            if isinstance(record, dict):
                record['sha256'] = digests
                try: read = json.loads(m.dumps(record)); seal = fingerprint(read)
                except Exception: seal = '0'*12
                record['seal'] = seal
            files[self.record] = m.dumps(record).encode('utf-8', 'surrogatepass')
        return files, dict(base=which, dice=rng.random(), again=again)
    def same(self, folder, note):
        base = self.base[note['base']]; return all((folder/n).is_file() and (folder/n).read_bytes() == d for n, d in base.items() if n != self.record)

@kind
class Checkpoint(Sealed):
    share, record = 15, 'state.json'
    def state(self, which):
        from dataclasses import dataclass, field
        from audiostyle.train.state import TrainState
        @dataclass
        class State(TrainState):
            net: torch.nn.Module
            opt: torch.optim.Optimizer
            recent: list = field(default_factory=list)
        torch.manual_seed(which); net = torch.nn.Sequential(torch.nn.Linear(3, 2+which), torch.nn.BatchNorm1d(2+which), torch.nn.Linear(2+which, 1)) if which < 2 else torch.nn.Linear(2, 1)
        opt = torch.optim.AdamW(net.parameters(), lr=1e-2) if which < 2 else torch.optim.SGD(net.parameters(), .1, momentum=.9)
        return State(net, opt, recent=[torch.zeros(2), (1, .1, float('inf'), None, True, 'x')], seed=5)
    def trained(self, which):
        s = self.state(which)
        for _ in range(2): s.opt.zero_grad(); s.net(torch.randn(4, 3 if which < 2 else 2)).square().mean().backward(); s.opt.step(); s.step += 1
        return s
    def content(self, s):
        "Digest of everything in a state."
        from audiostyle.train.state import _pack
        tensors = {}; rest = [_pack(dict(s.net.state_dict()), 'net', tensors), _pack(s.opt.state_dict(), 'opt', tensors), _pack(s.recent, 'recent', tensors), s.step, s.seed]
        return digest(tensors)+fingerprint(rest)
    def bases(self):
        from audiostyle.train.state import save_checkpoint
        out, self.contents = [], []
        with tempfile.TemporaryDirectory() as d:
            for which in range(3):
                s = self.trained(which); f = save_checkpoint(Path(d)/str(which), s, dict(lr=.01, which=which), dict(note='a')); out.append({p.name: p.read_bytes() for p in sorted(f.iterdir())}); self.contents.append(self.content(s))
        return out
    def check(self, folder, note):
        from audiostyle.train.state import latest_checkpoint, load_checkpoint
        at = folder/'step-000002'; at.mkdir()
        for p in list(folder.iterdir()):
            if p != at: p.rename(at/p.name)
        s = self.state(note['base']); before = self.content(s)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            try: whole = latest_checkpoint(folder)
            except AudiostyleError as e: whole = None
        must(all(issubclass(w.category, AudioWarning) for w in caught), f'warns {caught[0].category.__name__ if caught else ""}: {caught[0].message if caught else ""}')
        try: load_checkpoint(at, s, dict(lr=.01, which=note['base']) if note['dice'] < .5 else None)
        except AudiostyleError: must(self.content(s) == before, 'refused, but the state was changed'); raise
        must(whole == at, 'loaded, though it was passed over'); self.content(s)
        must(note['again'] or self.content(s) == self.contents[note['base']], 'accepted with another content')
        return 'accepted'

@kind
class Model(Sealed):
    share, record = 10, 'config.json'
    def bases(self):
        from audiostyle.signal.world import PitchStats
        from audiostyle.voice.vae import VAE, VAESettings
        from audiostyle.voice.vae_converter import TargetVoice, VAEConverter, save_converter
        out, self.contents = [], []
        with tempfile.TemporaryDirectory() as d:
            for which in range(2):
                s = VAESettings(feature='cepstrum', order=5, hidden=6, latent=2, context=which); torch.manual_seed(which); z = np.zeros(s.dim, np.float32)
                c = VAEConverter(VAE(s, 3), ['a', 'b', 'ç'], (z, z+1), [TargetVoice(PitchStats(5., .2), z, z+1)]*3)
                f = save_converter(c, Path(d)/str(which), 'A card.'); out.append({p.name: p.read_bytes() for p in sorted(f.iterdir()) if p.suffix != '.md'})
        return out
    def check(self, folder, note):
        from audiostyle.train.folder import model_voices
        from audiostyle.voice.vae_converter import load_converter
        try: voices = model_voices(folder)
        except AudiostyleError as e: voices = e
        c = load_converter(folder); must(list(c.speakers) == voices, f'voices {voices} and {c.speakers}'); must(len(c.targets) == len(c.speakers), 'targets')
        must(all(np.isfinite(p.detach().numpy()).all() for p in c.vae.parameters()), 'weights are not finite') if not note['again'] else None
        must(note['again'] or self.same(folder, note), 'accepted with another content'); fingerprint(c.settings)
        return 'accepted'

@kind
class Cache(Kind):
    share = 10
    def bases(self):
        with tempfile.TemporaryDirectory() as d:
            out = []
            for arrays in (dict(a=np.ones((5, 4), np.float32), b=np.arange(3)), dict(x=np.zeros(0)), dict(f0=np.ones(9, np.float16), mask=np.ones((2, 2), bool))):
                store = ArrayStore(d); store.put('k', **arrays); out.append({'k.safetensors': store.path('k').read_bytes()})
        return out
    def check(self, folder, note):
        store = ArrayStore(folder); path = store.path('k'); path.parent.mkdir(); (folder/'k.safetensors').rename(path)
        got = store.get('k')
        if got is None: must(np.array_equal(store.cached('k', lambda: dict(z=np.ones(2)))['z'], np.ones(2)), 'not computed again'); return 'computed again'
        for a in got.values(): must(isinstance(a, np.ndarray), f'{type(a).__name__}'); a.sum()
        return 'accepted'

@kind
class Run(Kind):
    share = 10
    def bases(self):
        self.parameters = dict(preset='small', overrides=['lr=1'], max_steps=10, seed=0, device='auto', data_dir='', run_dir='run')
        status = dict(recipe='vae', parameters=self.parameters, status='done', started='2026-01-01T00:00:00+00:00', pid=1, ended='x', seconds=1.5)
        cell = dict(cell_type='code', id='a', metadata=dict(tags=['parameters']), execution_count=None, outputs=[], source=["preset = 'small'\n", 'overrides = []\n', 'max_steps = None\n', 'rate: float = 1e-3'])
        notebook = dict(cells=[cell, dict(cell_type='markdown', id='b', metadata={}, source=['# T'])], metadata={}, nbformat=4, nbformat_minor=5)
        metrics = b''.join(json.dumps({'step': i, 'seconds': .1*i, 'train/loss': 1/i}).encode()+b'\n' for i in range(1, 5))
        return [{'status.json': json.dumps(status).encode(), 'result.json': json.dumps(dict(recipe='vae', table=[dict(system='a', mcd=5.)], shown='t', figure='f.png')).encode()}, {'metrics.jsonl': metrics}, {'r.ipynb': json.dumps(notebook).encode()}]
    def check(self, folder, note):
        from audiostyle.studio.recipes import open_run, read_parameters
        from audiostyle.train.track import Tracker, read_metrics
        names = {p.name for p in folder.iterdir()}
        if 'r.ipynb' in names: must(isinstance(read_parameters(folder/'r.ipynb'), dict), 'parameters')
        elif 'metrics.jsonl' in names:
            rows = read_metrics(folder)
            with Tracker(folder, step=3) as t: t.log(4, {'train/loss': 1.})
            kept = [r for r in rows if r['step'] <= 3]; must(len(read_metrics(folder)) == len(kept)+1, f'{len(kept)} rows kept, {len(read_metrics(folder))} read')
        else: read_json(folder/'result.json'); open_run(folder, 'vae', self.parameters)
        return 'accepted'

@kind
class Sweep(Kind):
    share = 6
    def bases(self):
        from audiostyle.studio.recipes import check_parameters, find_recipe
        whole = check_parameters(find_recipe('vae'), dict(seed=0, preset='small', run_dir='x')); status = dict(recipe='vae', parameters=whole, status='done', started='2026-01-01T00:00:00+00:00', pid=1, ended='x', seconds=1.5)
        result = dict(recipe='vae', score=dict(name='mcd', value=5.5, better='lower'), metrics=dict(mcd=5.5, f0_rmse=.2), table=[dict(system='a', mcd=5.)])
        corpus = dict(recipe=dict(voices=2), files={'a.wav': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}); line = dict(id='a', path='a.wav', split='train', speaker='a')
        return [{'sweep.json': json.dumps(dict(recipe='vae', status='running', started='x', metric='mcd', runs=[])).encode(), 'r/status.json': json.dumps(status).encode(), 'r/result.json': json.dumps(result).encode()},
                {'corpus.json': json.dumps(corpus).encode(), 'manifest.jsonl': json.dumps(line).encode(), 'a.wav.': b''}]
    def check(self, folder, note):
        if (folder/'corpus.json').exists():
            from audiostyle.data.synthetic import _finished
            (folder/'a.wav.').rename(folder/'a.wav'); got = _finished(folder, dict(voices=2)); must(got is None or len(got), 'an empty corpus'); return 'accepted' if got else 'made again'
        from audiostyle.studio.runs import Point, SweepResult, unfinished
        point = Point('r', {}, dict(seed=0, preset='small')); left = unfinished('vae', [point], folder); result = SweepResult('vae', [point], folder)
        result.put('r', status='done'); str(result); result.best; result.counts; result.save(); json.loads((folder/'sweep.json').read_text())
        return 'left to do' if left else 'accepted'

# The machinery

def attempt(k, files, note, folder):
    "What became of one mutant: ('accepted' or the class of the refusal, None) or ('finding', text)."
    shutil.rmtree(folder, ignore_errors=True); folder.mkdir()
    for name, data in files.items(): p = folder/name; p.parent.mkdir(parents=True, exist_ok=True); p.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always'); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try: verdict, text = k.check(folder, note), None
        except AudiostyleError as e:
            verdict, text = type(e).__name__, None; said = str(e)
            if not said.isprintable(): verdict, text = 'finding', f'a message of several lines: {said!r}'
            elif not e.remedy: verdict, text = 'finding', f'a message without a remedy: {said}'
            elif k.files and e.path is None: verdict, text = 'finding', f'a message without a path: {said}'
        except Finding as e: verdict, text = 'finding', f'oracle: {e}'
        except Exception as e: verdict, text = 'finding', ''.join(traceback.format_exception(e))[-3000:]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss-before)/1024
    odd = [w for w in caught if not issubclass(w.category, AudioWarning)]
    if text is None and odd: verdict, text = 'finding', f'warning: {odd[0].category.__name__}: {odd[0].message} ({odd[0].filename}:{odd[0].lineno})'
    if text is None and grown > MEMORY: verdict, text = 'finding', f'memory grew by {grown:.0f} MB'
    return verdict, text

def work(name, seed, numbers, pipe, scratch):
    "A worker: mutants one by one, each result sent at once, so that the parent knows which one it died of."
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); size = int(Path('/proc/self/statm').read_text().split()[0])*resource.getpagesize() if os.path.exists('/proc/self/statm') else None
    if size: resource.setrlimit(resource.RLIMIT_AS, (size+ROOM*2**20,)*2)
    faulthandler.disable(); nowhere = os.open(os.devnull, os.O_WRONLY); os.dup2(nowhere, 1); os.dup2(nowhere, 2)       # libsndfile and libmpg123 print what they think of a file
    torch.set_num_threads(1); k = KINDS[name]; folder = Path(scratch)/f'{os.getpid()}'
    for n in numbers:
        files, note = k.make(seed, n); begun = time.process_time(); pipe.send((n, 'begin', None, begun))
        verdict, text = attempt(k, files, note, folder); pipe.send((n, verdict, text, time.process_time()-begun))
    shutil.rmtree(folder, ignore_errors=True); pipe.send((None, 'end', None, 0.)); pipe.close()

def keep(name, seed, number, text, where=None):
    "Store a finding so that it can be run again."
    files, note = KINDS[name].make(seed, number); at = Path(where or KEPT)/f'{name}-{seed}-{number}'; shutil.rmtree(at, ignore_errors=True)
    for n, data in files.items(): p = at/'files'/n; p.parent.mkdir(parents=True, exist_ok=True); p.write_bytes(data)
    (at/'about.json').write_text(json.dumps(dict(kind=name, seed=seed, number=number, note=note, what=text), indent=1)); return at

def replay(at):
    "One kept finding, or KIND-SEED-NUMBER, again: its verdict and what was said."
    about = Path(at)/'about.json'
    if about.exists(): about = json.loads(about.read_text()); k = KINDS[about['kind']]; k.ready(); files = {p.relative_to(Path(at)/'files').as_posix(): p.read_bytes() for p in (Path(at)/'files').rglob('*') if p.is_file()}; note = about['note']
    else: name, seed, number = str(at).rsplit('-', 2); k = KINDS[name]; files, note = k.make(int(seed), int(number))
    with tempfile.TemporaryDirectory() as d: return attempt(k, files, note, Path(d)/'x')

class Tally:
    "What came of the mutants of one kind."
    def __init__(self): self.n, self.verdicts, self.slowest, self.which, self.findings, self.seconds = 0, Counter(), 0., None, [], 0.
    def add(self, number, verdict, text, seconds):
        self.n += 1; self.verdicts[verdict] += 1; self.seconds += seconds
        if seconds > self.slowest: self.slowest, self.which = seconds, number
        if verdict in ('finding', 'crash', 'hang'): self.findings.append((number, text))

def stuck(process, since, cpu, limit):
    "Whether a worker has computed for longer than the limit on one mutant, or waited for much longer: on a busy machine the clock alone accuses the innocent."
    waited = time.monotonic()-since
    if waited <= limit: return False
    try: fields = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split(); used = (int(fields[11])+int(fields[12]))/os.sysconf('SC_CLK_TCK')-cpu
    except (OSError, IndexError, ValueError): used = waited
    return used > limit or waited > 12*limit

def again(name, seed, number, context, scratch, limit):
    "Whether a mutant that hung hangs alone, too: the machine may have been busy."
    here, there = context.Pipe(False); p = context.Process(target=work, args=(name, seed, [number], there, scratch)); p.start(); there.close(); end = time.monotonic()+12*limit; last = None
    try:
        while time.monotonic() < end and here.poll(max(0, end-time.monotonic())):
            got = here.recv()
            if got[1] == 'end': return last
            last = got
    except EOFError: return (number, 'crash', f'the worker died with {p.exitcode}', 0.)
    finally: p.kill(); p.join()
    return None

def fuzz(kinds, mutants, seed=0, jobs=2, limit=SLOW, show=False, first=0):
    "Tallies by kind, of `mutants` divided among `kinds` by their shares."
    context = mp.get_context('fork'); shares = sum(KINDS[k].share for k in kinds); tallies = {k: Tally() for k in kinds}; queue = []
    for k in kinds:
        KINDS[k].ready(); n = max(1, round(mutants*KINDS[k].share/shares)); queue += [(k, range(a, min(a+1000, first+n))) for a in range(first, first+n, 1000)]
    queue.reverse(); alive = {}; base = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base, prefix='fuzz-') as scratch:
        def launch(name, numbers):
            here, there = context.Pipe(False); p = context.Process(target=work, args=(name, seed, numbers, there, scratch), daemon=True); p.start(); there.close(); alive[here] = [p, name, numbers, numbers[0], None, 0.]
        def gone(here, verdict, text):
            "The worker is at an end before its time: note what it died of, and go on after it."
            p, name, numbers, at, *_ = alive.pop(here); p.kill(); p.join(); here.close()
            if verdict == 'hang':
                second = again(name, seed, at, context, scratch, limit); tallies[name].add(*(second or (at, 'hang', text, limit)))
            else: tallies[name].add(at, verdict, f'{text} {p.exitcode}', 0.)
            rest = range(at+1, numbers[-1]+1)
            if len(rest): queue.append((name, rest))
        try:
            while queue or alive:
                while queue and len(alive) < jobs: launch(*queue.pop())
                for here in wait(list(alive), timeout=.5):
                    try:
                        while here.poll():
                            n, verdict, text, seconds = here.recv(); slot = alive[here]
                            if verdict == 'begin': slot[3:] = n, time.monotonic(), seconds
                            elif verdict == 'end': slot[0].join(); del alive[here]; here.close(); break
                            else: slot[3], slot[4] = n+1, None; tallies[slot[1]].add(n, verdict, text, seconds)
                    except EOFError: gone(here, 'crash', 'the worker died with')
                for here, slot in list(alive.items()):
                    if slot[4] is not None and stuck(slot[0], slot[4], slot[5], limit) and not here.poll(): gone(here, 'hang', f'took more than {limit} s')
                if show: print(f'\r{sum(t.n for t in tallies.values())} of {mutants}', end='', file=sys.stderr, flush=True)
        finally:
            for slot in alive.values(): slot[0].kill(); slot[0].join()
    return tallies

def table(tallies):
    "Lines to print."
    yield f"{'kind':11s} {'mutants':>8s} {'accepted':>9s} {'slowest ms':>11s} {'mean ms':>8s} {'findings':>9s}  refused as"
    for name, t in tallies.items():
        other = ', '.join(f'{k} {n}' for k, n in t.verdicts.most_common() if k not in ('accepted', 'finding', 'crash', 'hang'))
        yield f"{name:11s} {t.n:8d} {t.verdicts['accepted']:9d} {t.slowest*1e3:11.1f} {t.seconds/max(t.n, 1)*1e3:8.2f} {len(t.findings):9d}  {other}"
    yield f"{'all':11s} {sum(t.n for t in tallies.values()):8d} {sum(t.verdicts['accepted'] for t in tallies.values()):9d} {max(t.slowest for t in tallies.values())*1e3:11.1f} {'':8s} {sum(len(t.findings) for t in tallies.values()):9d}"

def like(text):
    "What a finding has in common with others: its last line without names and numbers, and the place it was raised at."
    at = re.findall(r'File ".*?audiostyle/(.*?)", line (\d+)', text or '')
    return re.sub(r"'[^']*'|\d+", '', (text or '').strip().splitlines()[-1])[:60], at[-1] if at else None

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--mutants', type=int, default=200_000); p.add_argument('--seed', type=int, default=0); p.add_argument('--jobs', type=int, default=2); p.add_argument('--first', type=int, default=0)
    p.add_argument('--kinds', nargs='*', default=list(KINDS), choices=list(KINDS)); p.add_argument('--replay', help='folder of a finding, or KIND-SEED-NUMBER'); a = p.parse_args()
    if a.replay: print(*replay(a.replay), sep='\n'); return 0
    start = time.time(); tallies = fuzz(a.kinds, a.mutants, a.seed, a.jobs, show=sys.stderr.isatty(), first=a.first); print('\n'.join(table(tallies))); print(f'seed {a.seed}, {a.jobs} jobs, {time.time()-start:.0f} s')
    for name, t in tallies.items():
        alike = {}
        for number, text in t.findings: alike.setdefault(like(text), []).append((number, text))
        for last, found in sorted(alike.items(), key=lambda kv: -len(kv[1])): at = keep(name, a.seed, *found[0]); print(f'{name}: {len(found)} x {found[0][1].strip().splitlines()[-1][:300]}\n    python benchmarks/fuzz.py --replay {os.path.relpath(at)}')
    return 1 if any(t.findings for t in tallies.values()) else 0

if __name__ == '__main__': sys.exit(main())
