"""Memory and seams of long conversions.

    python benchmarks/long_audio.py [--minutes 1,10,60] [--model FOLDER] [--json FILE]

For each length a stereo FLAC file of invented speech at 44.1 kHz is converted in a process of its own, which reports its peak of resident memory and its time.
Then a minute converted in chunks is set against the same minute converted as a whole, near its seams and away from them."""
import argparse, json, os, subprocess, sys, tempfile, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'tests'))
os.environ.setdefault('OMP_NUM_THREADS', '1')

def memory(key='VmHWM'):
    "Peak (VmHWM) or present (VmRSS) resident memory of this process [MB]"
    import resource
    try: return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith(key))/1024
    except (OSError, StopIteration): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(1024 if sys.platform == 'linux' else 2**20)

def minute():
    "A minute of invented speech, stereo at 44.1 kHz, (n, 2)"
    import numpy as np
    from test_pipelines_convert import babble
    from audiostyle.signal.soundfiles import resample
    x = resample(babble(60.), 16000, 44100)[0].numpy()
    return np.stack([x, .8*x], 1)

def child(path, model):
    "Convert one file; what it took, as JSON on standard output"
    from audiostyle.pipelines.convert import convert_file, load_converter
    converter = load_converter(model or None); start = memory('VmRSS'); began = time.perf_counter()
    record = convert_file(path, Path(path).with_suffix('.out.flac'), converter.speakers[0], converter, show=False)
    print(json.dumps(dict(seconds=record['seconds'], chunks=record['chunks'], loaded_mb=start, peak_mb=memory(), wall_s=time.perf_counter()-began, cpu_s=time.process_time())))

def measure(lengths, model, folder):
    "One row for each length in minutes"
    import soundfile as sf
    x, rows = minute(), []
    for m in lengths:
        path = folder/f'{m}.flac'
        with sf.SoundFile(path, 'w', 44100, 2) as f:
            for _ in range(m): f.write(x)
        done = subprocess.run([sys.executable, __file__, '--child', str(path), '--model', model], capture_output=True, text=True)
        if done.returncode: sys.exit(done.stderr)
        r = json.loads(done.stdout.splitlines()[-1]); rows.append({'minutes': m, 'chunks': r['chunks'], 'loaded [MB]': r['loaded_mb'], 'peak [MB]': r['peak_mb'], 'wall [s]': r['wall_s'], 'times real time': r['seconds']/r['wall_s']})
        print(rows[-1], file=sys.stderr, flush=True)
        path.unlink(); path.with_suffix('.out.flac').unlink()
    return rows

def seams(model):
    "Difference of chunks of 5 s from the whole [dB], near the seams, and what chunks with other seams differ there"
    import numpy as np
    from test_pipelines_convert import babble, seam_error
    from audiostyle.pipelines.convert import convert_waveform, load_converter
    x, converter = babble(60., seed=3), load_converter(model or None); at = np.arange(5, 60, 5)*16000
    def convert(chunk, overlap=1.): return convert_waveform(x, 16000, converter.speakers[0], converter, chunk_seconds=chunk, overlap_seconds=overlap)[0]
    whole = convert(60.)
    return [{'chunks': name, 'near the seams [dB]': seam_error(whole, y, at)} for name, y in (('5 s, margin 1 s', convert(5.)), ('5 s, no margin', convert(5., 0.)), ('7 s, margin 1 s (seams elsewhere)', convert(7.)))]

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', default='1,10,60'); parser.add_argument('--model', default=''); parser.add_argument('--json'); parser.add_argument('--child')
    args = parser.parse_args()
    if args.child: return child(args.child, args.model)
    from audiostyle.core.show import table
    with tempfile.TemporaryDirectory() as d: rows = measure([int(m) for m in args.minutes.split(',')], args.model, Path(d))
    joints = seams(args.model); print(table(rows)); print(); print(table(joints))
    if args.json: Path(args.json).write_text(json.dumps(dict(memory=rows, seams=joints), indent=1))

if __name__ == '__main__': main()
