"""Train the phone recogniser on real speech whose phones `label_speech.py` found, and on the built-in corpus.

    python tools/train_reader.py labels.json CORPUS... --out FOLDER [--test TIMIT_FOLDER] [--start MODEL_FOLDER]

Recordings are those of the CORPUS folders that the labels name; every tenth speaker of the first is held out. Half of what is heard is the mel spectrogram of the sound, half that of WORLD's
envelope, as `any_voice` shows it to the recogniser. Labels follow TIMIT's habits. Training begins with the bundled recogniser, or another, and gives the same weights again on the same machine.
Written is a model folder with its card and scores; ten minutes on one core."""
import argparse, math, sys, time
from dataclasses import replace
from pathlib import Path
import numpy as np, torch
import torch.nn.functional as F
import audiostyle
from audiostyle.core.errors import AudiostyleError, DataError
from audiostyle.core.repro import step_seed
from audiostyle.core.store import read_json, sha256_file
from audiostyle.data.speech import read_corpus
from audiostyle.data.synthetic import builtin_corpus
from audiostyle.signal.phonemes import Segment
from audiostyle.signal.soundfiles import load
from audiostyle.signal.spectral import mel_filters
from audiostyle.signal.world import WorldSettings, analyse
from audiostyle.voice.phone_features import _smooth, degrade, stretch_crop, warp_bands
from audiostyle.voice.recogniser import PhoneNet, Recogniser
from audiostyle.voice.recogniser_training import choose_penalty, judge, phone_item, totals
from audiostyle.voice.vae import one_cycle

WORLD = WorldSettings(f0_method='dio')
LATE = .008                                          # PocketSphinx counts frames of 25.6 ms from their beginning, every 10 ms; its bounds lie so much later in the sound [s]
STEP = .005                                          # Between looks at the energy [s]
STOPS, VOWELS = set('p t k b d g ch jh'.split()), set('aa ae ah ao aw ay eh er ey ih iy ow oy uh uw'.split())
UNHEARD = ('f06', 'm06')                             # Voices of the built-in corpus that are kept for the tests
SHARE, CAP, SMOOTHING, DECAY = .7, 120., .05, .01    # Real speech in a batch; what a speaker counts for at most [s]; of the labels; of the weights
SOURCES = dict(librispeech_spk251='LibriSpeech train-clean-100, 6 s each of many readers (V. Panayotov et al.; LibriVox readers) | CC BY 4.0',
               speech_multi='LibriSpeech test-other (V. Panayotov et al.; LibriVox readers), VCTK (CSTR, University of Edinburgh) | CC BY 4.0 |\n| CMU ARCTIC bdl and slt, copyright (c) 2003 Carnegie Mellon University, all rights reserved | free to use, modify and distribute with this notice')
CARD = """---
library_name: audiostyle
license: cc-by-4.0
language: en
tags:
- audio
- phone-recognition
metrics:
- phone error rate
---

# Phone recogniser, 39 classes of English

Posteriors of phones every 10 ms at 16 kHz, from the mel spectrogram of a sound or of its WORLD envelope ({parameters:,} parameters).

## Data and licence

| {minutes:.0f} minutes of real speech, {clips} recordings of {speakers} speakers, and what was made | licence |
|---|---|
{sources}
| the built-in corpus, {made} sentences of {voices} voices, made by eSpeak NG | made on the spot |

Phones and their times: PocketSphinx (BSD), forced alignment to the texts of the corpora, or to what Moonshine tiny (MIT) wrote down where there are none. Nothing of TIMIT is in the weights, which are given under CC BY 4.0.
Labels follow TIMIT's habits: the closure of a stop is silence, a short t or d between vowels is dx. Words that fit far worse than usual do not count.

## Made by

    python tools/label_speech.py {corpora} --out labels.json
    python tools/train_reader.py labels.json {corpora} --out {out}{test}

{steps} steps, seed {seed}, beginning with the recogniser of SHA-256 {start}, whose own data are therefore in the weights too; mean of the weights over about the last hundred steps; penalty {penalty:g}, chosen on the held-out readers.

## How good

| test | frames right | PER | utterances |
|---|---|---|---|
{table}

95 % intervals over speakers. No speaker of the tests was in this training. The labels of the held-out readers are PocketSphinx's, those of the built-in corpus eSpeak's, where closures belong to the stop; so frames that differ are not all wrong.
"""

def energies(wave):
    "Energy above 1.5 kHz, and in all, every 5 ms (t,) [dB]; windows of 8 ms."
    n, hop = 128, round(STEP*16000); x = np.pad(np.asarray(wave, np.float64), (n//2, n)); p = np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(x, n)[::hop]*np.hanning(n)))**2
    return 10*np.log10(p[:,12:].sum(1)+1e-9), 10*np.log10(p.sum(1)+1e-9)

def burst(segment, high, rise=6.):
    "When a stop is released: where the energy above 1.5 kHz rises most within 10 ms [s]; None where it does not rise by 6 dB."
    a, b = (round(t/STEP) for t in segment[:2]); a0 = max(0, a-1); h = high[a0:max(a+3, b)+1]
    if len(h)<4: return None
    d = h[2:]-h[:-2]; k = int(d.argmax()); return min(max((a0+k+.5)*STEP, segment.start), segment.end-STEP) if d[k]>=rise else None

def split_stops(segments, wave, flaps=True):
    "TIMIT's habits: the closure of a stop or affricate is silence, and a t or d of up to 50 ms between vowels is dx."
    high, out = energies(wave)[0], []
    for before, s, after in zip(['sil', *(s.label for s in segments)], segments, [*(s.label for s in segments[1:]), 'sil']):
        if s.label not in STOPS: out.append(s)
        elif flaps and s.label in 'td' and before in VOWELS|{'r'} and after in VOWELS and s.end-s.start<=.05: out.append(s._replace(label='dx'))
        elif (at := burst(s, high)) is None: out.append(s._replace(label='sil') if after in STOPS|{'sil'} else s)      # never released
        else: out += [Segment(s.start, at, 'sil')]*(at>s.start)+[Segment(at, s.end, s.label)]
    return out

def grow_silence(segments, wave, keep=.03):
    "Silence reaches into its neighbours as far as they are as quiet as it is; 30 ms of them stay."
    e = np.convolve(energies(wave)[1], np.ones(3)/3, 'same'); quiet = e<max(np.percentile(e, 5)+12, np.percentile(e, 99)-40); out = list(segments)
    at = lambda t: quiet[min(len(e)-1, max(0, round(t/STEP)))]
    for i in (i for i, s in enumerate(segments) if s.label=='sil'):
        if i+1<len(out) and out[i+1].label!='sil':
            t = out[i+1].start
            while t<out[i+1].end-keep and at(t): t += STEP
            out[i], out[i+1] = out[i]._replace(end=t), out[i+1]._replace(start=t)
        if i and out[i-1].label!='sil':
            t = out[i-1].end
            while t>out[i-1].start+keep and at(t-STEP): t -= STEP
            out[i-1], out[i] = out[i-1]._replace(end=t), out[i]._replace(start=t)
    return out

def item_of(manifest, u, phones, settings, keep=(), **more):
    "As `phone_item`, with the mel spectrogram of the envelope (m, t) and the frames that count (t,)."
    x = load(manifest.path_of(u), 16000)[0][0]; item = phone_item(x, phones(x.numpy()), settings, id=u.id, speaker=u.speaker, **more); t, m = len(item['labels']), settings.features.mel
    bank = mel_filters(m.sample_rate, WORLD.fft_size, m.n_mels, m.f_min, m.f_max, m.mel_scale, m.norm); sp = analyse(x, WORLD).sp[::round(m.hop_seconds/WORLD.hop_seconds)]
    counts = torch.ones(t, dtype=torch.bool)
    for a, b in keep: counts[round(100*a):round(100*b)] = False
    return item|dict(envelope=bank@torch.from_numpy(sp).sqrt().T, keep=counts)

def low(values, spreads): return np.median(values)-spreads*1.4826*np.median(np.abs(values-np.median(values)))

def real_items(labels, corpora, settings):
    "Items of all labelled recordings but those whose words fit far worse than usual."
    rows, out = [], []
    for corpus in corpora:
        manifest = read_corpus(corpus); longest = max(u.duration for u in manifest); name = Path(corpus).resolve().name
        found = [(manifest, u, labels[f'{name}/{u.path}'], u.duration>longest-.1) for u in manifest if f'{name}/{u.path}' in labels]; rows += found
        if not found: raise DataError('no recording is in the labels', corpus, f"label_speech.py calls them {name}/...")
    clip, word = low(np.array([r['score'] for _, _, r, _ in rows]), 3), low(np.array([w[3] for _, _, r, _ in rows for w in r['words']]), 4)
    for manifest, u, r, cut in rows:
        if r['score']<clip: continue
        bad = [(a, b+.03) for a, b, _, score in r['words'] if score<word]; last = r['words'][-1]
        if cut and last[1]>u.duration-.25: bad.append((last[0], u.duration+1))               # the longest of a corpus were cut: perhaps in a word
        def phones(x):
            s = [Segment(a+LATE, min(b+LATE, u.duration), p) for a, b, p, _ in r['phones'] if a+LATE<u.duration]; s[0], s[-1] = s[0]._replace(start=0.), s[-1]._replace(end=u.duration)
            return grow_silence(split_stops(s, x), x)
        out.append(item_of(manifest, u, phones, settings, bad, corpus=manifest.root.resolve().name))
    return out

def batch(real, made, s, step):
    "Mel spectrograms (b, m, t), labels (b, t) and the frames that count (b, t): a function of the step alone."
    r, g, out = np.random.default_rng(step_seed(s.seed, step)), torch.Generator().manual_seed(step_seed(s.seed, step)), []
    for _ in range(s.batch_size):
        items, weights = real if r.random()<SHARE else made; i = items[r.choice(len(items), p=weights)]
        mel, y, inside = stretch_crop(i['mel' if r.random()<.5 else 'envelope'], torch.stack([i['labels'], i['keep'].long()], 1), s.crop, math.exp(r.uniform(-s.tempo, s.tempo)), r.random())
        mel = warp_bands(mel, math.exp(r.uniform(-s.warp, s.warp)), s.features.mel); out.append((mel/mel.square().mean().sqrt().clamp(min=1e-8), y[:,0], inside&(y[:,1]>0)))
    mel, y, keep = (torch.stack(x) for x in zip(*out)); rooms = torch.rand(len(mel), generator=g)<.5
    mel = torch.where(rooms[:,None,None], degrade(mel, g, s.features.mel.hop_seconds), mel*(.6*_smooth(mel.shape, 6, g)).exp()[:,:,None])     # another room, or at least another microphone
    for m in mel:
        for _ in range(r.integers(0, 3)): n = r.integers(2, 9); t = r.integers(0, m.shape[1]-n); m[:,t:t+n] = m.mean(1, keepdim=True)*r.choice([.03, 1.])     # up to two holes of 20 to 80 ms
    return mel, y, keep

def right(recogniser, items):
    "Share of the frames that count which are right."
    return sum(int((recogniser.logits(i['mel']).argmax(1)==i['labels'])[i['keep']].sum()) for i in items)/sum(int(i['keep'].sum()) for i in items)

def train(start, s, real, made, valid):
    "A recogniser with the running mean of the weights."
    of = {i['speaker']: sum(len(j['labels']) for j in real if j['speaker']==i['speaker']) for i in real}; share = lambda w: np.array(w)/sum(w)
    real, made = (real, share([len(i['labels'])*min(1, CAP/s.features.mel.hop_seconds/of[i['speaker']]) for i in real])), (made, share([len(i['labels']) for i in made]))
    torch.manual_seed(s.seed); net = PhoneNet(s); net.load_state_dict(start.net.state_dict()); mean = {k: v.clone() for k, v in net.state_dict().items()}
    optimiser, began = torch.optim.AdamW(net.parameters(), s.learning_rate, weight_decay=DECAY), time.time()
    for step in range(s.max_steps):
        for group in optimiser.param_groups: group['lr'] = s.learning_rate*one_cycle(step, s.max_steps, .08)
        mel, y, keep = batch(real, made, s, step); loss = (F.cross_entropy(net.train()(mel), y, reduction='none', label_smoothing=SMOOTHING)*keep).sum()/keep.sum()
        optimiser.zero_grad(); loss.backward(); torch.nn.utils.clip_grad_norm_(net.parameters(), 5.); optimiser.step()
        for k, v in net.state_dict().items(): mean[k].lerp_(v, 1-min(.99, (step+1)/(step+10))) if v.is_floating_point() else mean[k].copy_(v)
        if (step+1)%100==0: print(f'{step+1} steps, {time.time()-began:.0f} s, loss {loss.item():.3f}, held out {right(Recogniser(net), valid):.4f}', flush=True)
    net.load_state_dict(mean); return Recogniser(net)

def main(labels, corpora, out, test, folder):
    torch.set_num_threads(1); start = Recogniser.from_pretrained(folder); s = replace(start.settings, warp=.15, tempo=.2, batch_size=24, learning_rate=1.5e-3, max_steps=1100, seed=0)
    table, known = read_corpus(test) if test else (), read_json(labels)
    if not all(u.phones for u in table): raise DataError('recordings without phone times', test, 'the test needs TIMIT, or a part of it')
    real = real_items(known, corpora, s); held = set(sorted({i['speaker'] for i in real if i['corpus']==real[0]['corpus']})[5::10]); valid, heard = [i for i in real if i['speaker'] in held], [i for i in real if i['speaker'] not in held]
    if not valid: raise DataError('fewer than six speakers', corpora[0], 'name a corpus of many speakers first')
    own = builtin_corpus(); made = [item_of(own, u, lambda x: split_stops(u.phones, x, flaps=False), s) for u in own if u.split!='test' and u.speaker not in UNHEARD]
    minutes = sum(len(i['labels']) for i in heard)*s.features.mel.hop_seconds/60; print(f'{len(heard)} recordings, {minutes:.1f} minutes; {len(made)} made ones; {len(valid)} held out', flush=True)
    r = train(start, s, heard, made, valid); room = lambda m: degrade(m[None], torch.Generator().manual_seed(m.shape[1]), s.features.mel.hop_seconds)[0]
    envelope = lambda items: [i|dict(mel=i['envelope']) for i in items]; choose_penalty(r, valid); print(f'frames that count, held out: {right(r, valid):.4f} sound, {right(r, envelope(valid)):.4f} envelope')
    unheard, timit = [item_of(own, u, lambda x: u.phones, s) for u in own if u.split=='test' and u.speaker in UNHEARD], [item_of(table, u, lambda x: u.phones, s) for u in table if u.split!='sa']
    tests = {'as recorded': (unheard, None), '30 dB softer': (unheard, lambda m: m*10**-1.5), 'room, noise, microphone': (unheard, room), 'held-out readers': (valid, None), 'held-out readers, envelope': (envelope(valid), None)}
    scores = {name: totals(judge(r, items, change=change)) for name, (items, change) in (tests|({'timit': (timit, None), 'timit, envelope': (envelope(timit), None)} if timit else {})).items()}
    rows = '\n'.join(f"| {name.replace('as recorded', 'f06 and m06 of the built-in corpus, as recorded')} | {t['frame_accuracy']:.1%} | {t['per']:.1%} [{t['low']:.1%}, {t['high']:.1%}] | {t['utterances']} |" for name, t in scores.items()); names = [Path(c).resolve().name for c in corpora]
    card = CARD.format(parameters=sum(p.numel() for p in r.net.parameters()), minutes=minutes, clips=len(heard), speakers=len({i['speaker'] for i in heard}), sources='\n'.join(f"| {SOURCES.get(n, n+' | see there')} |" for n in names), made=len(made), voices=len({i['speaker'] for i in made}),
                       corpora=' '.join(names), out=Path(out).name, test=f' --test {Path(test).resolve().name}' if test else '', steps=s.max_steps, seed=s.seed, start=sha256_file(Path(folder)/'model.safetensors'), penalty=r.penalty, table=rows)
    r.save_pretrained(out, card, overwrite=True, scores=scores); print(rows)

if __name__ == '__main__':
    a = argparse.ArgumentParser(description=__doc__.split('\n')[0]); a.add_argument('labels'); a.add_argument('corpora', nargs='+', metavar='CORPUS'); a.add_argument('--out', required=True, help='model folder that is written')
    a.add_argument('--test', help='TIMIT or a part of it'); a.add_argument('--start', default=Path(audiostyle.__file__).parent/'weights'/'recogniser', help='model folder to begin with'); a = a.parse_args()
    try: main(a.labels, a.corpora, a.out, a.test, a.start)
    except AudiostyleError as e: sys.exit(str(e))
