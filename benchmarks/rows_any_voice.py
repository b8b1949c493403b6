"Row 23: speech into the voice of a clip, with the model loaded; nobody's else runs here without a download, so real time is the measure."
import numpy as np, torch
from .timing import Row, Work

def ten_seconds(quick, folder):
    from audiostyle.data.synthetic import builtin_corpus
    from audiostyle.pipelines.convert import convert_waveform
    from audiostyle.pipelines.heard_voices import heard_converter, _features
    from audiostyle.signal.soundfiles import load, save
    from audiostyle.signal.world import analyse
    corpus = builtin_corpus(); waves = lambda s: torch.cat([load(corpus.path_of(u), 16000)[0] for u in corpus.filter(speaker=s, split='train')], 1)[:, :(2 if quick else 10)*16000]
    source, clip = waves('f03'), save(folder/'clip.wav', waves('m03'), 16000); converter = heard_converter([clip], 'he'); x = source[0].numpy()
    features = _features(clip, converter.settings.world, 60.)[0]; known = converter.source([features])
    parts = {'WORLD analysis': lambda: analyse(x, converter.settings.world), 'hearing the voice': lambda: converter.hear([features]), 'change of the envelope': lambda: converter.convert(features, known, 'he')}
    return Work(lambda: convert_waveform(source, 16000, 'he', converter), floor=('WORLD analysis', parts['WORLD analysis']), parts=parts)

ROWS = [Row(23, 'any voice: 10 s of speech, model and voice loaded', ten_seconds, threads=2, at_most=5.)]
