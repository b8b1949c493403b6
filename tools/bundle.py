"""Bundle a finished run of the recipe `vae` as the weights that travel with the package.

`python tools/bundle.py RUN_FOLDER` reads RUN_FOLDER/model and result.json and writes audiostyle/weights/vae with its card."""
import json, sys
from pathlib import Path
from audiostyle.voice.vae_converter import VAEConverter

ROOT = Path(__file__).resolve().parent.parent
CARD = """---
library_name: audiostyle
license: cc-by-4.0
language: en
tags:
- audio
- voice-conversion
- vae
datasets:
- CMU ARCTIC
- VCTK
- LibriSpeech
metrics:
- mel-cepstral distortion
---

# Speaker-informed VAE, {n} English voices

Turns anyone's recorded words into one of the voices {voices}. Encoder and decoder of two layers of 512 units over 40 mel-cepstra with three frames of context each way, a 64-dimensional code, one-hot speaker; WORLD vocoder at 16 kHz.
The notebooks `70_voice/04_vae` and `70_voice/05_vae_converter` explain and test every part; `95_results` holds the run that made these weights.

## Data and licence

| voices | corpus | licence |
|---|---|---|
| bdl, slt | CMU ARCTIC, sentences a0001 to a0080 | free to use, modify and distribute with the notice below |
| p225, p226, p227 | VCTK (CSTR, University of Edinburgh), 10 utterances each | CC BY 4.0 |
| ls1688, ls1998, ls2033, ls2609, ls3005, ls3331, ls367 | LibriSpeech test-other (V. Panayotov et al.; LibriVox readers), 10 utterances each | CC BY 4.0 |

CMU ARCTIC: Carnegie Mellon University, copyright (c) 2003, all rights reserved. The weights are given under CC BY 4.0.

## Made by

    {command}

then `python tools/bundle.py runs/voices`: {steps} steps, {minutes:.0f} minutes in all on {cpu} ({cores} cores), seed {seed}, settings {settings}.

## How good

{sentences} conversions of sentences that no voice had in training (Arctic a0081 to a0100, slt and bdl into each other). Mel-cepstral distortion in dB, 95 % bootstrap intervals:

| system | MCD |
|---|---|
{rows}

Sentences of the same two speakers judge these numbers, and both were in training with eighty others; a voice never heard before has no such advantage. The speech keeps the source's rhythm and melody, sounds somewhat muffled and buzzes a little, as all WORLD resynthesis does. The voices trained on one
minute (all but bdl and slt) are less like their owners than those two.

## Use it fairly

A converted voice is not its owner speaking. Say that it is synthetic, and do not use it to deceive.
"""

def main(run, out=ROOT/'audiostyle'/'weights'/'vae'):
    run = Path(run); result, status = (json.loads((run/f).read_text()) for f in ('result.json', 'status.json'))
    p, here = status['parameters'], result['run']
    mcd = lambda r: f"{r['mcd']['mean']:.2f} [{r['mcd']['low']:.2f}, {r['mcd']['high']:.2f}]"
    command = f"audiostyle train vae --data speech_multi --preset {p['preset']} --run-dir runs/voices 'held_out={p['held_out']}' eval_pairs={p['eval_pairs']}"
    converter = VAEConverter.from_pretrained(run/'model')
    card = CARD.format(n=len(converter.speakers), voices=', '.join(converter.speakers), command=command, steps=result['steps'], minutes=result['minutes'], cpu=here['cpu'], cores=here['cores'],
                       seed=p['seed'], settings=result['settings'], sentences=result['test_sentences'], rows='\n'.join(f"| {r['system']} | {mcd(r)} |" for r in result['table']))
    converter.save_pretrained(out, card, overwrite=True)
    print(out.relative_to(ROOT), f"{sum(f.stat().st_size for f in out.iterdir())/1e6:.1f} MB")

if __name__ == '__main__': main(sys.argv[1])
