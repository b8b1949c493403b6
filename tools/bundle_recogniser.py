"""Bundle a finished run of the recipe `recogniser` as the phone recogniser that travels with the package.

`python tools/bundle_recogniser.py RUN_FOLDER [FIRST_RUN_FOLDER]` reads model and result.json, and those of the run it began with, and writes
audiostyle/weights/recogniser with its card."""
import json, sys
from pathlib import Path
from audiostyle.voice.recogniser import Recogniser

ROOT = Path(__file__).resolve().parent.parent
CARD = """---
library_name: audiostyle
license: cc-by-4.0
language: en
tags:
- audio
- phone-recognition
datasets:
- CMU ARCTIC
- VCTK
- LibriSpeech
metrics:
- phone error rate
---

# Phone recogniser, 39 classes of English

Posteriors of phones every 10 ms at 16 kHz: 40 cepstra normalised over 3 s, their differences, a pre-net and a CBHG of 64 channels ({parameters:,} parameters). It judges what other systems leave of the words.
The notebooks `70_voice/18_phone_features`, `20_recogniser` and `22_recogniser_training` explain and test every part; the recipe `recogniser` makes it.

## Data and licence

| what | licence |
|---|---|
| the built-in corpus, voices f01 to f05 and m01 to m05, {sentences} sentences each, made by eSpeak NG | made on the spot |
{rows}
CMU ARCTIC: Carnegie Mellon University, copyright (c) 2003, all rights reserved. Nothing of TIMIT is in the weights. The weights are given under CC BY 4.0.

## Made by

    {command}

Seed {seed}, {steps}, {minutes:.0f} minutes in all on a busy {cpu}; settings {settings}. Phones of recordings that have only a text were found by forced alignment with the model itself.

## How good

No sentence of the tests was in training, and none of the voices. Phone error rates on 39 classes without silence, with 95 % intervals over speakers (two for the built-in corpus).

| test | frames right | PER | utterances |
|---|---|---|---|
{table}

TIMIT's labels count the closure of a stop as silence, which the built-in corpus does not, and are made by hand; so frames that differ there are not all wrong. Real speech is read much worse than artificial speech: compare error rates with that of the untouched source, and do not take them for a person's.
"""
REAL = """| LibriSpeech test-other (7 speakers, V. Panayotov et al.; LibriVox readers), VCTK p225 to p227 (CSTR, University of Edinburgh), 10 utterances each | CC BY 4.0 |
| CMU ARCTIC bdl and slt, sentences a0001 to a0020 | free to use, modify and distribute with the notice below |
"""

def main(run, first=None, out=ROOT/'audiostyle'/'weights'/'recogniser'):
    runs = [Path(r) for r in (first, run) if r]; results, ps = [json.loads((r/'result.json').read_text()) for r in runs], [json.loads((r/'status.json').read_text())['parameters'] for r in runs]
    last, p = results[-1], ps[-1]; model = Recogniser.from_pretrained(runs[-1]/'model')
    shown = lambda p, n: ' '.join(['audiostyle train recogniser --preset small', f'--run-dir runs/{n}', f"sentences={p.get('sentences', 40)}", *([f"texts_dir=speech_multi rounds={p.get('rounds', 2)} start=runs/first/model"] if p.get('texts_dir') else []), *([f"--max-steps {p['max_steps']}"] if p.get('max_steps') else []), *p.get('overrides', [])])
    names = ['first', 'recogniser'][-len(runs):]; command = '\n    '.join(shown(q, n) for q, n in zip(ps, names))
    table = '\n'.join(f"| {r['condition'].replace('as recorded', 'f06 and m06 of the built-in corpus, as recorded')} | {r['frame_accuracy']:.1%} | {r['per']:.1%} [{r['low']:.1%}, {r['high']:.1%}] | {r['utterances']} |" for r in last['table'])
    steps = ' then '.join(f"{q.get('rounds', 2)} x {r['steps']} steps" if q.get('texts_dir') else f"{r['steps']} steps" for q, r in zip(ps, results))
    card = CARD.format(parameters=sum(x.numel() for x in model.net.parameters() if x.requires_grad), sentences=p.get('sentences', 40), rows=REAL if p.get('texts_dir') else '', command=command, seed=p.get('seed', 0), steps=steps,
                       minutes=sum(r['minutes'] for r in results), cpu=last['run']['cpu'], settings=last['settings'], table=table)
    model.save_pretrained(out, card, overwrite=True, scores={r['condition']: {k: v for k, v in r.items() if k!='condition'} for r in last['table']})
    print(out.relative_to(ROOT), f"{sum(f.stat().st_size for f in out.iterdir())/1e6:.1f} MB")

if __name__ == '__main__': main(*sys.argv[1:])
