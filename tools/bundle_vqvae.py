"""Bundle a trained VQ-VAE and what the comparison found about it.

`python tools/bundle_vqvae.py MODEL_FOLDER COMPARISON_JSON MINUTES` reads a model of the recipe `vqvae` and the frozen comparison on the built-in corpus
(nbs/95_results/voices_builtin.json) and writes audiostyle/weights/vqvae with its card."""
import json, sys
from pathlib import Path
from audiostyle.core.config import fingerprint
from audiostyle.voice.vqvae_converter import VQVAEConverter

ROOT = Path(__file__).resolve().parent.parent
CARD = """---
library_name: audiostyle
license: cc-by-4.0
language: en
tags:
- audio
- voice-conversion
- vq-vae
- wavenet
metrics:
- phone error rate
---

# VQ-VAE with a WaveNet decoder, {n} artificial voices

{rate:.0f} codes a second, {codes} of them, say what is said; a WaveNet of {layers} layers that is told the speaker and the melody says it again, as an excitation that is heard through the envelope the codes ask for. {parameters:,} parameters in 16-bit floats, 16 kHz.
The notebooks `70_voice/30_wavenet` to `36_vqvae_converter` explain and test every part; `95_results/02_voices` holds the comparison.

## Data and licence

The built-in corpus: voices {voices}, made by eSpeak NG on the spot, test sentences left out for every voice. No recording of a person is in it. The weights are given under CC BY 4.0.

## Made by

    audiostyle train vqvae --preset small --run-dir runs/vqvae

then `python tools/bundle_vqvae.py runs/vqvae/model nbs/95_results/voices_builtin.json {minutes}`: {steps} steps, {minutes} minutes on one core of a shared AMD EPYC, seed {seed}, settings {settings}.

## How good

{pairs} conversions of sentences that no voice had in training, into f01 and m03, 95 % intervals over sentences.

| system | phone errors | cosine to the target | cosine to the source | nearer to the target | MCD [dB] |
|---|---|---|---|---|---|
{rows}

The voices are artificial and sound like it, the sampled excitation adds breath and roughness, and real recordings as a source are further from what the encoder has heard than any sentence of these tests.

## Use it fairly

A converted voice is not its owner speaking. Say that it is synthetic, and do not use it to deceive.
"""

def main(model, comparison, minutes, out=ROOT/'audiostyle'/'weights'/'vqvae'):
    c = VQVAEConverter.from_pretrained(model); s = c.settings; found = json.loads(Path(comparison).read_text())
    cell = lambda v: '' if not v or v['mean'] is None else f"{v['mean']:.2f} [{v['low']:.2f}, {v['high']:.2f}]"
    kept = [r for r in found['table'] if r['pairs'] == 'all' and r['system'] in ('do nothing', 'vqvae', 'own reading')]
    card = CARD.format(n=len(c.speakers), voices=', '.join(c.speakers), rate=s.mel.sample_rate/s.code_samples, codes=s.codes, layers=s.wavenet.layers,
                       parameters=sum(p.numel() for net in (c.coder, c.decoder) for p in net.parameters()), steps=s.wavenet.max_steps, minutes=minutes, seed=s.wavenet.seed, settings=fingerprint(s),
                       pairs=found['pairs'], rows='\n'.join(f"| {r['system']} | {' | '.join(cell(r.get(k)) for k in ('per','cos_target','cos_source','nearer','mcd'))} |" for r in kept))
    c.save_pretrained(out, card, overwrite=True)
    print(out.relative_to(ROOT), f"{sum(f.stat().st_size for f in out.iterdir())/1e6:.1f} MB")

if __name__ == '__main__': main(*sys.argv[1:])
