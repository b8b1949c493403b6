"""Texts, words and phones with their times for recordings of English: what `train_reader.py` learns from.

    python tools/label_speech.py CORPUS... --out labels.json

The text of wav/SPEAKER/UTTERANCE.flac is that of txt/SPEAKER/UTTERANCE.txt; where there is none, Moonshine tiny writes down what it hears. PocketSphinx then finds words and phones in two passes.
Neither is needed by the project, so they have an environment of their own; both come from the package index with their weights inside:

    python3.11 -m venv v; v/bin/pip install pocketsphinx==5.1.1 moonshine-voice==0.0.73 numpy soundfile

Words that the dictionary lacks are spelt by eSpeak NG where this project is installed there too (v/bin/pip install -e '.[synth]'); else their recordings are left out, and named. Written is, for each
"<name of the corpus folder>/<path in it>": text, by ('corpus' or 'moonshine'), score (of the whole, for each frame), words and phones as [start, end, name, score for each frame], times in s as
PocketSphinx counts them: its frame k begins at k*10 ms. Silences and noises are 'sil' among the phones and left out of the words."""
import argparse, json, re, sys
from pathlib import Path
import numpy as np, soundfile
from moonshine_voice import ModelArch, Transcriber
from moonshine_voice.utils import get_model_path
from pocketsphinx import Decoder

RATE = 16000      # [Hz]
ARPABET = set('aa ae ah ao aw ay b ch d dh eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh'.split())

def recordings(corpora):
    "Name in the labels, corpus folder and path of every recording."
    out = []
    for root in map(Path, corpora):
        paths = sorted(p for kind in ('flac', 'wav') for p in root.rglob(f'*.{kind}'))
        if not paths: sys.exit(f"{root}: {'no recordings (.flac, .wav) in it' if root.is_dir() else 'no such folder'}")
        out += [(f'{root.resolve().name}/{path.relative_to(root).as_posix()}', root, path) for path in paths]
    return out

def wave(path, peak):
    "(n,) float32, loudest value `peak`."
    x, rate = soundfile.read(path, dtype='float32', always_2d=True)
    if rate!=RATE: sys.exit(f'{path}: {rate} Hz; {RATE} Hz are needed')
    x = x.mean(1); return x*(peak/max(1e-6, np.abs(x).max()))

def text_of(root, path, ears):
    "What is said, and who says so."
    file = root/'txt'/path.parent.name/f'{path.stem}.txt'
    if file.exists(): return file.read_text(encoding='utf-8').strip(), 'corpus'
    x = np.concatenate([np.zeros(RATE//4), wave(path, .5), np.zeros(RATE//2)])
    return ' '.join(line.text for line in ears.transcribe_without_streaming(x.tolist(), RATE).lines), 'moonshine'

def words_of(text, decoder):
    "Words as the dictionary writes them."
    found = re.findall(r"[a-z0-9']+", text.lower().replace('’', "'"))
    return [w for w in (w if decoder.lookup_word(w) else w.strip("'") for w in found) if w]

def spelt(words):
    "Pronunciations that eSpeak NG gives to words; none without this project."
    try: from audiostyle.data.synthetic import speak; spoken = list(speak([('m01', w) for w in words], jobs=1))
    except ImportError: return {}
    said = {w: ['t' if p=='dx' else p for _, _, p in phones if p!='sil'] for w, (_, phones) in zip(words, spoken)}
    return {w: ' '.join(p).upper() for w, p in said.items() if p and ARPABET.issuperset(p)}

def align(decoder, x, said):
    "Score, words and phones of a sound (n,) between -1 and 1; None where the words do not fit it."
    pcm = (np.concatenate([x, np.zeros(400)])*32767).astype('<i2').tobytes()
    def hear(): decoder.start_utt(); decoder.process_raw(pcm, full_utt=True); decoder.end_utt()
    try:
        decoder.set_align_text(' '.join(said)); hear()                        # words first, then phones inside of them
        if not decoder.hyp(): return None                                     # asked after the second pass it crashes
        decoder.set_alignment(); hear(); alignment = decoder.get_alignment()
    except RuntimeError: return None
    words, phones, total, frames = [], [], 0, 0
    row = lambda part, name: [round(part.start*.01, 2), round((part.start+part.duration)*.01, 2), name, round(part.score/max(1, part.duration), 2)]
    for w in alignment:
        total, frames = total+w.score, frames+w.duration
        if w.name[0] not in '<[': words.append(row(w, re.sub(r'\(\d+\)$', '', w.name)))
        phones += [row(p, p.name.lower() if p.name.lower() in ARPABET else 'sil') for p in w]
    return dict(score=round(total/frames, 3), words=words, phones=phones) if words else None

def main(corpora, out):
    found = recordings(corpora); Path(out).parent.mkdir(parents=True, exist_ok=True); ears = Transcriber(get_model_path('tiny-en'), ModelArch.TINY)
    decoder = Decoder(lm=None, loglevel='FATAL', cmn='batch', bestpath=False, beam=1e-80, wbeam=1e-60, pbeam=1e-80, remove_noise=False, dither=False)
    clips = {name: (path, *text_of(root, path, ears)) for name, root, path in found}
    said = {name: words_of(text, decoder) for name, (_, text, _) in clips.items()}
    lacking = sorted({w for words in said.values() for w in words if not decoder.lookup_word(w)}); extra = spelt(lacking); labels, failed = {}, []
    for w, phones in extra.items(): decoder.add_word(w, phones, False)
    for name, (path, text, by) in clips.items():
        if not said[name] or any(not decoder.lookup_word(w) for w in said[name]): failed.append(f'{name} (words)'); continue
        if times := align(decoder, wave(path, .3), said[name]): labels[name] = dict(text=text, by=by, **times)
        else: failed.append(f'{name} (no path)')
    Path(out).write_text(json.dumps(labels), encoding='utf-8')
    print(f"{len(labels)} of {len(clips)} recordings, {sum(map(len, said.values()))} words; {len(lacking)} are not in the dictionary, {len(extra)} spelt by eSpeak NG: {' '.join(lacking)}\nleft out: {', '.join(failed) or 'none'}")

if __name__ == '__main__':
    a = argparse.ArgumentParser(description=__doc__.split('\n')[0]); a.add_argument('corpora', nargs='+', metavar='CORPUS'); a.add_argument('--out', required=True); a = a.parse_args(); main(a.corpora, a.out)
