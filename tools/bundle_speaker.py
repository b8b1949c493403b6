"""Judge and bundle the speaker encoder that travels with the package.

`python tools/bundle_speaker.py MODEL_FOLDER` judges a trained encoder on real recordings (they are not part of the repository; see `audiostyle.core.config.shared_data`)
and writes audiostyle/weights/speaker with its card. The recipe `speaker_encoder` makes such a folder from one corpus; the bundled one was trained on three together (see its card)."""
import json, sys
from pathlib import Path
import numpy as np, torch
from audiostyle.core.config import shared_data
from audiostyle.data.speech import read_corpus
from audiostyle.data.synthetic import builtin_corpus
from audiostyle.metrics.trials import cosine_trials, equal_error_rate, verification
from audiostyle.signal.soundfiles import load
from audiostyle.speaker.encoder import DISGUISES, SpeakerEncoder

ROOT = Path(__file__).resolve().parent.parent
CARD = """---
library_name: audiostyle
license: cc-by-4.0
language: en
tags:
- audio
- speaker-verification
datasets:
- CMU ARCTIC
- VCTK
- LibriSpeech
metrics:
- equal error rate
---

# Speaker encoder

A recording becomes 128 numbers, those of one voice alike: four dilated convolutions over log-mel powers, attentive statistics, one linear layer; {parameters} parameters in 16-bit floats. Made to judge voice conversions, so vocoded copies of a voice count as that voice.
The notebook `65_speaker/00_encoder` explains and tests every part.

## Data and licence

| speakers | corpus | licence |
|---|---|---|
| 175 | LibriSpeech train-clean-100, one utterance each (V. Panayotov et al.; LibriVox readers) | CC BY 4.0 |
| 7 | LibriSpeech test-other, 8 utterances each | CC BY 4.0 |
| 3 | VCTK (CSTR, University of Edinburgh), 8 utterances each | CC BY 4.0 |
| 2 | CMU ARCTIC bdl, slt, 27 sentences of a0001 to a0080 each | free to use, modify and distribute with the notice below |
| 12 | the built-in corpus (eSpeak NG, made here) | |

Each of them also resampled by 0.87 and 1.15 as somebody else (597 classes), and through WORLD, Griffin and Lim's phases and a room under the same name. CMU ARCTIC: Carnegie Mellon University, copyright (c) 2003, all rights reserved. The weights are given under CC BY 4.0.

## How good

{steps} steps, seed 0. Equal error rate over all pairs, 95 % intervals over speakers. The twelve speakers of the TIMIT sample were in no part of the training; those of the other two rows were, with other sentences.

| recordings | first of the pair | second of the pair | equal error rate |
|---|---|---|---|
{rows}

Mean cosine of recordings of two different people of the TIMIT sample: {natural:.2f} where both are natural, {world:.2f} where both went through WORLD, {phases:.2f} where both went through phases: being vocoded does not make two voices alike.

Twelve or two hundred speakers are few: this is a judge between conversions, not a lock on a door. Beside the weights lie the mean embeddings of the 24 voices of the bundled models (`known`), eight recordings each.
"""

def sets():
    "Name of a set to its (speaker, waveform) pairs."
    take = lambda m, keep: [(u.speaker, load(m.path_of(u), 16000)[0][0].numpy()) for u in m if keep(u)]
    timit, multi, own = read_corpus(shared_data('timit_sample')), read_corpus(shared_data('speech_multi')), builtin_corpus()
    last = {u.path for s in multi.speakers for u in sorted((u for u in multi if u.speaker == s), key=lambda u: u.path)[(-10 if s in ('bdl', 'slt') else -2):]}
    return {'TIMIT sample, 12 unseen speakers': take(timit, lambda u: True), 'speech_multi, 12 known speakers': take(multi, lambda u: u.path in last), 'built-in, 12 known voices': take(own, lambda u: u.split == 'test')[::2]}

def judge(encoder):
    "Rows of the table, the mean cosines of different people, and the threshold of equal errors among unseen ones"
    rows, cosine, threshold = [], {}, None
    for name, items in sets().items():
        who = [s for s, _ in items]; e = {'natural': np.stack([encoder.embed(x) for _, x in items])}
        for kind in ('world', 'phases', 'room'): e[kind] = np.stack([encoder.embed(DISGUISES[kind](x)) for _, x in items])
        for a, b in [('natural', 'natural'), ('natural', 'world'), ('natural', 'phases'), ('natural', 'room'), ('world', 'world')]:
            rows.append(dict(set=name, first=a, second=b, eer=verification(e[a], who, None if a == b else e[b])))
            print(f"{name:34s} {a:8s} {b:8s} {rows[-1]['eer']:.1%} of {rows[-1]['eer'].n} pairs", flush=True)
        if name.startswith('TIMIT'):
            for kind in ('natural', 'world', 'phases'): score, same, _ = cosine_trials(e[kind], who); cosine[kind] = float(score[~same].mean())
            score, same, _ = cosine_trials(e['natural'], who); threshold = round(equal_error_rate(score[same], score[~same]).threshold, 3)
            threshold = dict(value=threshold, where=f'equal errors on {len(score)} pairs of the TIMIT sample, {len(set(who))} speakers who were in no part of the training, sentences of 3 s')
    return rows, cosine, threshold

def known_voices(encoder):
    "Mean embeddings of the voices of the bundled models, from sentences that the encoder was trained on"
    multi, own = read_corpus(shared_data('speech_multi')), builtin_corpus(); voices = {}
    for m, keep in ((multi, lambda u: True), (own, lambda u: u.split == 'train')):
        for s in m.speakers: voices[s] = encoder.voice([load(m.path_of(u), 16000)[0][0].numpy() for u in sorted((u for u in m if u.speaker == s and keep(u)), key=lambda u: u.path)[:8]])
    return voices

def main(folder):
    encoder = SpeakerEncoder.from_pretrained(folder); torch.set_num_threads(1); rows, cosine, threshold = judge(encoder)
    n = sum(p.numel() for p in encoder.net.parameters())
    lines = '\n'.join(f"| {r['set']} | {r['first']} | {r['second']} | {r['eer']:.1%} |" for r in rows)
    card = CARD.format(parameters=n, steps=encoder.settings.max_steps, rows=lines, **cosine)
    encoder.known = known_voices(encoder)
    out = encoder.save_pretrained(ROOT/'audiostyle'/'weights'/'speaker', card, overwrite=True, threshold=threshold)
    print(json.dumps({k: round(v, 3) for k, v in cosine.items()})); print(out, (out/'model.safetensors').stat().st_size)

if __name__ == '__main__': main(sys.argv[1])
