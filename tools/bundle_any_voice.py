"""Bundle the conversion into any voice that travels with the package.

`python tools/bundle_any_voice.py MODEL_FOLDER RUN_FOLDER` takes a model that the recipe `any_voice` fitted (on corpora under CC BY 4.0, CMU ARCTIC and the built-in corpus alone)
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

Speech becomes that of a person who was heard for a few seconds: `audiostyle convert IN --voice CLIP -o OUT`. A phoneme recogniser and {rank} eigenvoices of its 39 classes, in 16-bit floats; no voices of its own.
The notebooks `70_voice/58_eigenvoices` and `70_voice/60_any_voice` explain and test every part. Use a voice only with the consent of the person: every file that is made says that it is synthetic.

## Data and licence

The recogniser is the bundled one (its card says what it learnt from). The eigenvoices are of 199 speakers: 175 of LibriSpeech train-clean-100, one recording each, 7 of LibriSpeech test-other (V. Panayotov et al.; LibriVox readers; CC BY 4.0), 3 of VCTK (CSTR, University of Edinburgh; CC BY 4.0),
bdl and slt of CMU ARCTIC (free to use, modify and distribute; Carnegie Mellon University, copyright (c) 2003, all rights reserved), and the twelve built-in voices (eSpeak NG, made here). The weights are given under CC BY 4.0.

## How good

{pairs} conversions between speakers of the {test} corpus, who were in no part of it, from {seconds:.0f} s of the target; 95 % intervals. Likeness is the cosine to other recordings of the target by the bundled speaker encoder (a recording of the target itself: {ceiling:.2f}); wrong phones are those of the recogniser against the labels. Listeners that are not of this library are harder to please: `nbs/95_results/03_any_voice` has what they say.

{rows}
"""

def main(model, run):
    r = json.loads((Path(run)/'result.json').read_text()); c = AnyVoiceConverter.from_pretrained(model); show = lambda v, f: f"{v['mean']:{f}} [{v['low']:{f}}, {v['high']:{f}}]"
    rows = table([{'system': n, 'likeness': show(v['cos_target'], '.2f'), 'nearer to the target': f"{v['nearer']['mean']:.0%}", **({'wrong phones': show(v['per'], '.0%')} if v.get('per') else {})} for n, v in r['table'].items()])._repr_markdown_()
    card = CARD.format(rank=c.prior.basis.shape[1], pairs=r['pairs'], test=r['test'], seconds=r['clip_seconds'], ceiling=r['ceilings']['bundled'], rows=rows)
    print(c.save_pretrained(ROOT/'audiostyle'/'weights'/'any_voice', card, overwrite=True))

if __name__ == '__main__': main(*sys.argv[1:3])
