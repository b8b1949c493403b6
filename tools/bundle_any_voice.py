"""Bundle the conversion into any voice that travels with the package.

`python tools/bundle_any_voice.py MODEL_FOLDER RUN_FOLDER` takes a model that the recipe `any_voice` fitted and `tools/train_refiner.py` refined (on corpora under CC BY 4.0, CMU ARCTIC and the built-in corpus alone)
and a run of the same recipe that judged it on another corpus, and writes audiostyle/weights/any_voice with its card."""
import json, sys
from pathlib import Path
from audiostyle.core.show import table
from audiostyle.voice.any_voice import AnyVoiceConverter

ROOT = Path(__file__).resolve().parent.parent
CARD = """---
library_name: audiostyle
license: cc-by-4.0
language: en
tags:
- audio
- voice-conversion
datasets:
- CMU ARCTIC
- VCTK
- LibriSpeech
---

# Any voice

Speech becomes that of a person who was heard for a few seconds: `audiostyle convert IN --voice CLIP -o OUT`. A phoneme recogniser, {rank} eigenvoices of its 39 classes and a refiner, in 16-bit floats; no voices of its own.
The notebooks `70_voice/58_eigenvoices` to `70_voice/61_refiner_training` explain and test every part. Use a voice only with the consent of the person: every file that is made says that it is synthetic.

## Data and licence

The eigenvoices are of 174 speakers of LibriSpeech train-clean-100, one recording each (V. Panayotov et al.; LibriVox readers; CC BY 4.0), and the refiner learnt from 160 of them. The recogniser began as the bundled one (its card says what it learnt from) and learnt on from the same recordings, from 7 speakers of LibriSpeech test-other, 3 of VCTK (CSTR, University of Edinburgh; CC BY 4.0),
bdl and slt of CMU ARCTIC (free to use, modify and distribute; Carnegie Mellon University, copyright (c) 2003, all rights reserved) and the built-in voices (eSpeak NG, made here); the phones were placed by PocketSphinx (BSD), words without a text were read by Moonshine (MIT). What the refiner adds was judged in training by GE2E (Resemblyzer, Apache 2.0) and CAM++ (3D-Speaker, Apache 2.0), of which nothing is contained. The weights are given under CC BY 4.0.

How it was made: `tools/label_speech.py` and `tools/train_reader.py` (the recogniser; the one bundled was trained by an earlier form of these, for 7 minutes instead of 1100 steps), `audiostyle train any_voice --data librispeech_spk251 builtin=False reader=READER` (eigenvoices), `tools/train_refiner.py` (refiner; an earlier form with the same losses, in two parts of 1000 and 1600 steps, the second with a further recogniser).

## How good

{pairs} conversions between speakers of the {test} corpus, who were in no part of it, from {seconds:.0f} s of the target; 95 % intervals. Likeness is the cosine to other recordings of the target by the bundled speaker encoder (a recording of the target itself: {ceiling:.2f}); wrong phones are those of another recogniser against the labels. Listeners that are not of this library are harder to please: `nbs/95_results/03_any_voice` has what they say.

{rows}
"""

def main(model, run):
    r = json.loads((Path(run)/'result.json').read_text()); c = AnyVoiceConverter.from_pretrained(model); show = lambda v, f: f"{v['mean']:{f}} [{v['low']:{f}}, {v['high']:{f}}]"
    rows = table([{'system': n, 'likeness': show(v['cos_target'], '.2f'), 'nearer to the target': f"{v['nearer']['mean']:.0%}", **({'wrong phones': show(v['per'], '.0%')} if v.get('per') else {})} for n, v in r['table'].items()])._repr_markdown_()
    card = CARD.format(rank=c.prior.basis.shape[1], pairs=r['pairs'], test=r['test'], seconds=r['clip_seconds'], ceiling=r['ceilings']['bundled'], rows=rows)
    print(c.save_pretrained(ROOT/'audiostyle'/'weights'/'any_voice', card, overwrite=True))

if __name__ == '__main__': main(*sys.argv[1:3])
